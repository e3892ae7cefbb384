// Links the citations of an answer with their marks in the article, both ways. Runs once, when the
// article's component is loaded; `element` and `watch` are handed in by Gradio. Text is only ever
// set as text here, never as markup.

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const scrolling = () => ({ behavior: calm.matches ? "auto" : "smooth", block: "center" });
const article = () => element.querySelector("#article");
const conversation = () => document.getElementById("conversation");
const citation = (answer, number) =>
  conversation().querySelector(`.cite[data-answer="${answer}"][data-citation="${number}"]`);

// In the article the words of one answer are marks; those of the others are plain spans.
function choose(answer) {
  for (const old of article().querySelectorAll("[data-answer]")) {
    const chosen = old.dataset.answer === answer;
    const number = old.dataset.citation ?? old.dataset.trace;
    const piece = document.createElement(chosen ? "mark" : "span");
    piece.className = old.className;
    piece.dataset.answer = old.dataset.answer;
    piece.dataset[chosen ? "citation" : "trace"] = number;
    piece.append(...old.childNodes);
    for (const back of piece.querySelectorAll(":scope > .back")) back.hidden = !chosen;
    old.replaceWith(piece);
  }
}

function marks(answer, number) {
  return article().querySelectorAll(`mark[data-answer="${answer}"][data-citation="${number}"]`);
}

function activate(answer, number) {
  for (const active of document.querySelectorAll(".is-active")) active.classList.remove("is-active");
  for (const mark of marks(answer, number)) mark.classList.add("is-active");
  citation(answer, number)?.classList.add("is-active");
}

function showInArticle(answer, number) {
  if (!article().querySelector(`mark[data-answer="${answer}"]`)) choose(answer);
  activate(answer, number);
  marks(answer, number)[0]?.scrollIntoView(scrolling());
}

function showInAnswer(answer, number) {
  const link = citation(answer, number);
  if (!link) return;
  activate(answer, number);
  (link.closest(".sentence") ?? link).scrollIntoView(scrolling());
  link.focus({ preventScroll: true });
}

function showFirst() {
  const answer = article()?.dataset.focus;
  if (answer === "evidence") return showLook("evidence");
  const shown = answer ? [...article().querySelectorAll(`mark[data-answer="${answer}"]`)] : [];
  const numbers = shown.map((mark) => Number(mark.dataset.citation));
  if (numbers.length) showInArticle(answer, Math.min(...numbers));
}

// The first words in the article that have a look of the legend.
function showLook(look) {
  const words = { cited: "mark[data-citation]:not(.closest)", closest: "mark.closest", evidence: ".evidence" };
  article().querySelector(words[look])?.scrollIntoView(scrolling());
}

// The quote of a citation, beside the pointer or the focus.
const quote = document.createElement("div");
quote.id = "quote";
quote.setAttribute("role", "tooltip");
quote.hidden = true;
document.body.append(quote);

function showQuote(link) {
  quote.textContent = link.dataset.quote;
  quote.hidden = false;
  const at = link.getBoundingClientRect();
  const width = Math.min(quote.offsetWidth, innerWidth - 16);
  const left = Math.max(8, Math.min(at.left + at.width / 2 - width / 2, innerWidth - width - 8));
  const above = at.top - quote.offsetHeight - 8;
  quote.style.left = `${left}px`;
  quote.style.top = `${above >= 8 ? above : at.bottom + 8}px`;
}

const hideQuote = () => { quote.hidden = true; };
const quoted = (event) => event.target.closest?.(".cite[data-quote]");
for (const kind of ["pointerover", "focusin"]) {
  document.addEventListener(kind, (event) => {
    const link = quoted(event);
    if (link) showQuote(link); else hideQuote();
  });
}
document.addEventListener("focusout", hideQuote);
document.addEventListener("scroll", hideQuote, true);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideQuote(); });

document.addEventListener("click", (event) => {
  // The button that was pressed is about to be hidden, and the focus would be lost with it.
  if (event.target.closest("#stop")) document.querySelector("#question textarea").focus();
  const link = event.target.closest(".cite");
  if (link) return showInArticle(link.dataset.answer, link.dataset.citation);
  const key = event.target.closest("#article .key");
  if (key) return showLook(key.dataset.look);
  const mark = event.target.closest("#article mark[data-answer]");
  // Selecting words of a mark is reading, not a click on it.
  if (mark && getSelection().isCollapsed) showInAnswer(mark.dataset.answer, mark.dataset.citation);
});

// The article is drawn anew when a question is asked and when its answer is final.
watch("value", () => requestAnimationFrame(showFirst));

// Follow the answer as it grows, unless the reader has scrolled away from its end; when it is whole
// and taller than the pane, show it from its beginning.
const pane = conversation();
pane.tabIndex = 0;
pane.setAttribute("role", "region");
pane.setAttribute("aria-label", "Conversation");
let following = true;
pane.addEventListener("scroll", () => {
  following = pane.scrollHeight - pane.scrollTop - pane.clientHeight < 60;
});
let newest = null;
new MutationObserver(() => {
  const latest = pane.querySelector("#latest .exchange");
  const asked = latest?.dataset.exchange ?? null;
  if (following || asked !== newest) {
    const whole = latest && !latest.querySelector('[data-status="draft"]');
    const top = (box) => box.getBoundingClientRect().top;
    pane.scrollTop = whole ? pane.scrollTop + top(latest) - top(pane) : pane.scrollHeight;
  }
  newest = asked;
}).observe(pane, { childList: true, subtree: true, characterData: true });
