/* A button and a slider for the frames 0 to last; show(frame) draws one and returns its words.
   Nothing moves before the button is pressed. Where the reader wants no motion, the button goes on
   to the next of the stops, and no clock runs. Whoever pressed the button and does not see the
   picture is told the words where it stands still. Shared by the film and the replay. */
function player(last, stops, milliseconds, show) {
  const button = root.querySelector("button"), slider = root.querySelector("input");
  const said = root.querySelector(".lrbook-aloud");
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  let timer = null;

  function to(frame) {
    slider.value = frame;
    slider.setAttribute("aria-valuetext", show(frame));
  }

  /* The slider's own words are read out only while the slider itself is moved. */
  function tell() {
    said.textContent = slider.getAttribute("aria-valuetext");
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    button.textContent = still.matches ? "Next" : "Play";
    root.classList.remove("lrbook-playing");
  }

  function play() {
    const at = Number(slider.value);
    said.textContent = "";
    if (still.matches) return to(at >= last ? 0 : stops.find((frame) => frame > at) ?? last);
    if (at >= last) to(0);
    button.textContent = "Pause";
    root.classList.add("lrbook-playing");
    timer = setInterval(() => {
      if (!root.isConnected) stop();
      else if (Number(slider.value) >= last) { stop(); tell(); }
      else to(Number(slider.value) + 1);
    }, milliseconds);
  }

  slider.max = last;
  slider.addEventListener("input", () => { stop(); to(Number(slider.value)); });
  button.addEventListener("click", () => {
    if (timer === null) play();
    else stop();
    if (timer === null) tell();
  });
  still.addEventListener("change", stop);
  stop();
  to(last);
}
