// Lets a person change the words that were searched for, and sends the changed ones. Runs once, when
// the component of the latest exchange is loaded; `element` and `trigger` are handed in by Gradio.
// What is shown of an exchange is replaced as a whole, so nothing of it is kept here.

function change(search, changing) {
  const form = search.querySelector(".instead");
  const words = form.querySelector("textarea");
  for (const part of search.children) part.hidden = (part === form) !== changing;
  words.value = words.defaultValue;
  if (!changing) return search.querySelector(".change").focus();
  words.focus();
  words.setSelectionRange(words.value.length, words.value.length);
}

element.addEventListener("click", (event) => {
  const search = event.target.closest(".search");
  if (event.target.closest(".change")) change(search, true);
  if (event.target.closest(".leave")) change(search, false);
});

element.addEventListener("keydown", (event) => {
  const form = event.target.closest(".instead");
  if (!form || event.isComposing) return;
  if (event.key === "Escape") change(form.closest(".search"), false);
  if (event.key !== "Enter" || event.shiftKey || !event.target.matches("textarea")) return;
  event.preventDefault();
  form.requestSubmit();
});

element.addEventListener("submit", (event) => {
  event.preventDefault();
  const words = event.target.querySelector("textarea");
  if (!words.value.trim()) return words.focus();
  // The field gives way to the answer, and the focus would be lost with it.
  document.getElementById("conversation").focus({ preventScroll: true });
  trigger("submit", { words: words.value });
});
