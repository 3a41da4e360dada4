"use strict";
// Filters and sorts the cards of errors.  Without it the page shows all of them, in the same order.
(() => {
  document.documentElement.classList.add("scripted");
  for (const list of document.querySelectorAll(".cards")) {
    const section = list.closest("section");
    const part = role => section.querySelector(`[data-role=${role}]`);
    const cards = [...list.children];
    const [kind, order, shown] = [part("kind"), part("order"), part("shown")];
    const show = () => {
      let count = 0;
      for (const card of cards) {
        card.hidden = kind.value !== "" && !card.dataset.kinds.split(" ").includes(kind.value);
        count += !card.hidden;
        for (const line of card.querySelectorAll(".errors li")) {
          line.classList.toggle("chosen", line.dataset.kind === kind.value);
        }
      }
      shown.textContent = `${count} of ${cards.length} sentences`;
    };
    const arrange = () => {
      const place = order.value === "corpus" ? "number" : "rank";
      list.append(...[...cards].sort((a, b) => a.dataset[place] - b.dataset[place]));
    };
    kind.addEventListener("change", show);
    order.addEventListener("change", arrange);
    const heading = section.querySelector("h2").id;
    for (const link of document.querySelectorAll("a[data-kind]")) {
      if (link.hash === `#${heading}`) {
        link.addEventListener("click", () => { kind.value = link.dataset.kind; show(); });
      }
    }
    show();
    arrange();
  }
  // What is folded away on a screen is not lost on paper.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const details of folded) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of folded) details.open = false; });
})();
