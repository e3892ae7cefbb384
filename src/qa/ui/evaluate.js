// Tells the server which failed case was pressed. Runs once, when the report's component is loaded;
// `element` and `trigger` are handed in by Gradio.

element.addEventListener("click", (event) => {
  const link = event.target.closest(".case-link");
  if (link) trigger("select", { case: Number(link.dataset.case) });
});

// Run gives way to Stop and back, and the focus would be lost with the one that is hidden.
element.tabIndex = -1;
document.addEventListener("click", (event) => {
  if (event.target.closest("#run, #stop-run")) element.focus({ preventScroll: true });
});
