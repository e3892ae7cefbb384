// The two views of the page: what the style shows is the one whose tab is selected. Runs once, when
// the banner is loaded; `element` is handed in by Gradio.

const tabs = [...element.querySelectorAll('[role="tab"]')];
const panel = (tab) => document.getElementById(tab.getAttribute("aria-controls"));

function select(tab, { focus = false } = {}) {
  for (const one of tabs) {
    one.setAttribute("aria-selected", String(one === tab));
    one.tabIndex = one === tab ? 0 : -1;
  }
  if (focus) tab.focus();
}

for (const tab of tabs) {
  panel(tab)?.setAttribute("role", "tabpanel");
  panel(tab)?.setAttribute("aria-labelledby", tab.id);
  tab.addEventListener("click", () => select(tab));
}

element.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const at = tabs.indexOf(event.target);
  if (!step || at < 0) return;
  event.preventDefault();
  select(tabs[(at + step + tabs.length) % tabs.length], { focus: true });
});

document.addEventListener("click", (event) => {
  if (event.target.closest(".case-link")) select(tabs[0], { focus: true });
  const back = event.target.closest(".to-cases");
  if (!back) return;
  select(tabs[1], { focus: true });
  document.querySelector(`.case-link[data-case="${Number(back.dataset.case)}"]`)?.focus();
});
