"use strict";
// Filters the cases, and draws what a case unfolds to when it is first opened. Words of articles,
// models and test sets become text nodes only; nothing here makes HTML from a string.
(() => {
  const byId = (id) => document.getElementById(id);
  const cases = [...document.querySelectorAll("#list > details")];
  const buttons = [...document.querySelectorAll("#filters button")];
  const searched = new Map();
  let parsed = null;
  let kind = "";

  const data = () => (parsed ??= JSON.parse(byId("data").textContent));

  // Offsets count code points, and a string here counts halves of them.
  const points = new Map();
  const split = (text) => {
    // Most text has no halves, and is then its own list.
    if (!points.has(text)) points.set(text, /[\ud800-\udfff]/.test(text) ? [...text] : text);
    return points.get(text);
  };
  const length = (text) => split(text).length;
  const slice = (text, start, end) => {
    const piece = split(text).slice(start, end);
    return typeof piece === "string" ? piece : piece.join("");
  };

  function make(tag, options, ...children) {
    const { className, ...attributes } = options ?? {};
    const element = document.createElement(tag);
    if (className) element.className = className;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children.filter((child) => child !== null && child !== ""));
    return element;
  }

  const number = (value, digits) => (value === null ? "–" : value.toFixed(digits));
  const part = (name, ...children) =>
    make("div", { className: "part" }, make("h3", {}, name), ...children);

  // Filters

  function wordsOf(details) {
    if (!searched.has(details)) {
      searched.set(details, details.querySelector("summary").textContent.toLowerCase());
    }
    return searched.get(details);
  }

  function filter() {
    const tag = byId("tag").value;
    const words = byId("words").value.trim().toLowerCase();
    let shown = 0;
    for (const details of cases) {
      const fits =
        (!kind || details.dataset.kind === kind) &&
        (!tag || details.dataset.tags.split(" ").includes(tag)) &&
        (!words || wordsOf(details).includes(words));
      details.hidden = !fits;
      shown += fits;
    }
    byId("shown").textContent =
      shown === cases.length ? "" : `${shown} of ${cases.length} cases shown`;
  }

  for (const button of buttons) {
    button.addEventListener("click", () => {
      kind = button.dataset.kind;
      for (const other of buttons) other.setAttribute("aria-pressed", other === button);
      filter();
    });
  }
  byId("tag").addEventListener("change", filter);
  byId("words").addEventListener("input", filter);

  // A case

  function history(turns) {
    const said = turns.flatMap(([question, answer]) => [
      make("dt", { dir: "auto" }, question),
      make("dd", { dir: "auto" }, answer),
    ]);
    return part("Said before", make("dl", { className: "turns" }, ...said));
  }

  function citeButton(citationNumber) {
    return make(
      "button",
      {
        className: "cite",
        type: "button",
        "data-citation": citationNumber,
        "aria-label": `Show citation ${citationNumber} in the article`,
      },
      String(citationNumber),
    );
  }

  function answerText(answer) {
    const said = make("p", { className: "said", dir: "auto" });
    const closest = answer.citations.some(([citationNumber]) => citationNumber === 0);
    let end = 0;
    for (const [start, stop, support, citations] of answer.sentences) {
      if (start < end) continue;
      said.append(slice(answer.text, end, start));
      said.append(
        make(
          "span",
          { className: `sentence is-${support}`, title: support },
          slice(answer.text, start, stop),
        ),
        ...citations.map(citeButton),
      );
      end = stop;
    }
    said.append(slice(answer.text, end, length(answer.text)));
    if (!answer.text) said.append(make("i", {}, "No words."));
    const nearest = closest
      ? make(
          "button",
          { className: "cite wide", type: "button", "data-citation": 0 },
          "Show the closest passage",
        )
      : null;
    return [said, nearest];
  }

  function answered(answer) {
    const why = answer.reason ? ` (${answer.reason})` : "";
    const facts = `${answer.status}${why}, confidence ${number(answer.confidence, 2)}`;
    return part("Answer", ...answerText(answer), make("p", { className: "soft" }, facts));
  }

  function expected(one) {
    if (!one.gold.length) {
      return part("Expected", make("p", { className: "soft" }, "The article does not say."));
    }
    const groups = one.gold.map((group) => {
      const words = group.flatMap((text, place) => [
        place ? " or " : "",
        make("q", { dir: "auto" }, text),
      ]);
      return make("li", {}, ...words);
    });
    return part("Expected", make("ul", { className: "gold-answers" }, ...groups));
  }

  function scores(one) {
    const lines = Object.entries(one.scores).map(([name, value]) =>
      make("div", {}, make("dt", {}, name), make("dd", {}, number(value, 3))),
    );
    const none = make("p", { className: "soft" }, "None applies.");
    return part("Scores", lines.length ? make("dl", { className: "pairs" }, ...lines) : none);
  }

  function timings(one) {
    const [retrieve, first, total] = one.answer?.timings ?? [null, null, null];
    const times = [
      ["search", retrieve],
      ["first words", first],
      ["everything", total],
      ["measured", one.seconds === null ? null : one.seconds * 1000],
    ].filter(([, value]) => value !== null);
    const lines = times.map(([name, value]) =>
      make("div", {}, make("dt", {}, name), make("dd", {}, `${value.toFixed(0)} ms`)),
    );
    return part("Time", make("dl", { className: "pairs" }, ...lines));
  }

  function tokens(answer) {
    const names = ["read", "served from what was read before", "written"];
    const lines = answer.tokens.map((count, place) =>
      make("div", {}, make("dt", {}, names[place]), make("dd", {}, String(count))),
    );
    return part("Tokens", make("dl", { className: "pairs" }, ...lines));
  }

  function hits(answer) {
    const lines = answer.hits.map(([score, similarity, heading, place, start, end]) => {
      const known = typeof place === "number";
      const text = known ? slice(data().articles[place].text, start, end) : place;
      const facts =
        `score ${number(score, 3)}` +
        (similarity === null ? "" : `, similarity ${number(similarity, 3)}`) +
        (known ? `, ${start} to ${end}` : "");
      return make(
        "li",
        {},
        make("p", { className: "soft" }, facts),
        heading ? make("p", { className: "heading", dir: "auto" }, heading) : null,
        make("p", { className: "passage", dir: "auto" }, text),
      );
    });
    const none = make("p", { className: "soft" }, "Nothing was found.");
    return part("Hits", lines.length ? make("ol", { className: "hits" }, ...lines) : none);
  }

  // An article: cut at every edge of a span, so that spans may overlap.

  function spansIn(one, place) {
    const gold = place === one.article ? one.evidence : [];
    const cited = (one.answer?.citations ?? []).filter((citation) => citation[1] === place);
    return [
      ...gold.map(([start, end]) => ({ start, end, citation: null })),
      ...cited.map(([citation, , start, end]) => ({ start, end, citation })),
    ];
  }

  function markedText(text, spans) {
    const size = length(text);
    const edges = new Set([0, size]);
    for (const { start, end } of spans) edges.add(Math.min(start, size)).add(Math.min(end, size));
    const sorted = [...edges].sort((left, right) => left - right);
    return sorted.slice(1).map((end, position) => {
      const start = sorted[position];
      const over = spans.filter((span) => span.start < end && span.end > start);
      const words = slice(text, start, end);
      if (!over.length) return words;
      const cited = over.filter((span) => span.citation !== null).map((span) => span.citation);
      const looks = [
        over.some((span) => span.citation === null) ? "is-gold" : "",
        cited.some((citation) => citation > 0) ? "is-cited" : "",
        cited.includes(0) ? "is-closest" : "",
      ];
      const options = { className: looks.filter(Boolean).join(" ") };
      if (cited.length) options["data-citation"] = cited.join(" ");
      return make("mark", options, words);
    });
  }

  function article(one, place) {
    const { title, source, text } = data().articles[place];
    const paper = make(
      "div",
      { className: "paper", tabindex: 0, role: "region", "aria-label": "Article", dir: "auto" },
      ...markedText(text, spansIn(one, place)),
    );
    const named = make("bdi", {}, title || source);
    const from = title && source ? make("bdi", { className: "soft" }, ` ${source}`) : null;
    return make("div", { className: "article" }, make("p", { className: "title" }, named, from), paper);
  }

  function articles(one) {
    const places = new Set([one.article, ...(one.answer?.citations ?? []).map((cited) => cited[1])]);
    const legend = make(
      "p",
      { className: "marks soft" },
      make("mark", { className: "is-cited" }, "cited"),
      make("mark", { className: "is-gold" }, "gold"),
      make("mark", { className: "is-cited is-gold" }, "both"),
      make("mark", { className: "is-closest" }, "closest passage"),
    );
    return part("Article", legend, ...[...places].map((place) => article(one, place)));
  }

  function show(mark) {
    const paper = mark?.closest(".paper");
    if (!paper) return;
    const inside = mark.getBoundingClientRect().top - paper.getBoundingClientRect().top;
    paper.scrollTop += inside - paper.clientHeight / 3;
  }

  function unfold(details) {
    if (details.childElementCount > 1) return;
    const one = data().cases[Number(details.id.slice("case-".length)) - 1];
    const left = [
      one.history ? history(one.history) : null,
      "error" in one
        ? part("Error", make("p", { className: "error", dir: "auto" }, one.error))
        : answered(one.answer),
      expected(one),
      one.answer && one.answer.searched !== one.question
        ? part("Searched for", make("p", { dir: "auto" }, one.answer.searched))
        : null,
      scores(one),
      timings(one),
      one.answer?.tokens ? tokens(one.answer) : null,
      one.answer ? hits(one.answer) : null,
    ];
    const body = make(
      "div",
      { className: "body" },
      make("div", {}, ...left.filter(Boolean)),
      make("div", {}, articles(one)),
    );
    details.append(body);
    show(body.querySelector(".paper mark"));
  }

  byId("list").addEventListener("click", (event) => {
    const button = event.target.closest("button.cite");
    if (!button) return;
    const body = button.closest(".body");
    const wanted = button.dataset.citation;
    const marks = [...body.querySelectorAll(".paper mark[data-citation]")].filter((mark) =>
      mark.dataset.citation.split(" ").includes(wanted),
    );
    for (const active of body.querySelectorAll(".is-active")) active.classList.remove("is-active");
    for (const active of [button, ...marks]) active.classList.add("is-active");
    marks[0]?.closest(".paper").scrollIntoView({ block: "nearest" });
    show(marks[0]);
  });

  // The event does not bubble, so it is caught on its way down.
  byId("list").addEventListener(
    "toggle",
    (event) => {
      if (event.target.open) unfold(event.target);
    },
    true,
  );

  function openNamed() {
    const named = location.hash && byId(location.hash.slice(1));
    if (named instanceof HTMLDetailsElement) {
      named.open = true;
      named.scrollIntoView();
    }
  }
  addEventListener("hashchange", openNamed);
  openNamed();
})();
