// The order of what a search finds: chapters before the reference of the package, of which half the
// names are plain words (noise, patch). A name that is none, as PatchConfig, can only mean itself.
var Scorer = {
  objNameMatch: 11,
  objPartialMatch: 1,
  objPrio: {},
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,

  // kind is said of objects of the reference alone: "Python class, in ..."
  score: ([page, title, anchor, kind, score]) => {
    if (kind && score === Scorer.objNameMatch && /[a-z][A-Z]|_/.test(title.split(".").pop())) return 100;
    if (kind) return score / 100;
    return page.startsWith("book/api") ? score / 10 : score;
  },
};
