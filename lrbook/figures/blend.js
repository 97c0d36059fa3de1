/* A function from -1..1 to [r, g, b]: -1 is the first of three hex colours, 0 the second, 1 the
   third. Shared by the film and the explorer's maps. */
function blend(colors) {
  const [low, middle, high] = colors.map((hex) =>
    [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  return (value) => {
    const share = Math.max(-1, Math.min(1, value)), end = share < 0 ? low : high;
    return middle.map((channel, i) => channel + Math.abs(share) * (end[i] - channel));
  };
}
