"use strict";
// Search, filters and choice of entities.  Without it the drawing links to the list below it.
(() => {
  document.documentElement.classList.add("scripted");
  const part = id => document.getElementById(id);
  const [graph, panel, search, found] = [part("graph"), part("panel"), part("search"), part("found")];
  const [type, relation, least] = [part("type"), part("relation"), part("least")];
  const cards = [...part("list").children];
  const nodes = graph ? [...graph.querySelectorAll(".node")] : [];
  const edges = graph ? [...graph.querySelectorAll(".edge")] : [];
  const card = number => part(`n${number}`);
  const nodeOf = new Map(nodes.map(node => [node.dataset.node, node]));
  const fold = text => text.normalize("NFKC").toLowerCase();
  const names = new Map(cards.map(own => [own, fold(own.dataset.names)]));
  let chosen = null;
  let matching = new Set(cards.map(own => own.dataset.node));

  const isShown = edge => (relation.value === "" || edge.dataset.type === relation.value)
    && Number(edge.dataset.confidence) >= Number(least.value);

  let look = () => {};  // moves the drawing to some nodes

  const paint = () => {
    const near = new Set(chosen === null ? [] : [chosen]);
    for (const edge of edges) {
      const touches = chosen !== null && (edge.dataset.head === chosen || edge.dataset.tail === chosen);
      edge.classList.toggle("gone", !isShown(edge));
      edge.classList.toggle("near", touches);
      if (touches && isShown(edge)) { near.add(edge.dataset.head); near.add(edge.dataset.tail); }
    }
    for (const node of nodes) {
      const number = node.dataset.node;
      node.classList.toggle("chosen", number === chosen);
      node.classList.toggle("faint", chosen === null ? !matching.has(number) : !near.has(number));
      if (number === chosen) node.setAttribute("aria-current", "true");
      else node.removeAttribute("aria-current");
    }
    for (const edge of edges) {
      const isFaint = chosen !== null ? !edge.classList.contains("near")
        : !(matching.has(edge.dataset.head) && matching.has(edge.dataset.tail));
      edge.classList.toggle("faint", isFaint);
    }
    return nodes.filter(node => near.has(node.dataset.node));
  };

  const choose = number => {
    chosen = number;
    if (number === null) {
      panel.innerHTML = "";
      const note = document.createElement("p");
      note.className = "note";
      note.textContent = "Choose an entity to see where it is mentioned.";
      panel.append(note);
    } else {
      const own = card(number);
      const about = own.querySelector(".about").cloneNode(true);
      panel.replaceChildren(own.querySelector("h3").cloneNode(true), about);
      panel.scrollTop = 0;
    }
    look(paint());
  };

  const narrow = () => {
    const asked = fold(search.value.trim());
    matching = new Set();
    for (const own of cards) {
      const fits = names.get(own).includes(asked) && (type.value === "" || own.dataset.type === type.value);
      own.hidden = !fits;
      if (fits) matching.add(own.dataset.node);
    }
    part("least-shown").textContent = Number(least.value).toFixed(2);
    const count = edges.filter(isShown).length;
    found.textContent = `${matching.size} of ${cards.length} entities, ${count} of ${edges.length} relations`;
    if (chosen !== null && !matching.has(chosen)) choose(null);
    paint();
  };

  addEventListener("click", event => {
    const link = event.target.closest("a[data-node]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      choose(link.dataset.node === chosen && link.classList.contains("node") ? null : link.dataset.node);
      if (!link.closest("#graph, #panel")) panel.scrollIntoView({ block: "nearest" });
    }
  });
  addEventListener("keydown", event => { if (event.key === "Escape" && chosen !== null) choose(null); });
  search.addEventListener("input", narrow);
  search.addEventListener("keydown", event => {
    const first = cards.find(own => !own.hidden);
    if (event.key === "Enter" && first) choose(first.dataset.node);
  });
  for (const control of [type, relation, least]) control.addEventListener("input", narrow);

  if (graph) {
    const box = graph.viewBox.baseVal;
    const whole = [box.x, box.y, box.width, box.height];
    const show = (x, y, width, height) => graph.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
    const seen = () => [graph.clientWidth / 0.85, graph.clientHeight / 0.85];  // so that labels can be read
    const start = () => {
      const [width, height] = seen();
      if (width >= whole[2] && height >= whole[3]) {
        const [across, down] = [Math.max(whole[2], width / 2), Math.max(whole[3], height / 2)];
        show(whole[0] + (whole[2] - across) / 2, whole[1] + (whole[3] - down) / 2, across, down);
      }
      else {  // the best connected entity, and what there is around it
        const [across, down] = [Math.min(width, whole[2]), Math.min(height, whole[3])];
        const own = nodes[0].getBBox();
        const within = (middle, least, size, most) =>
          Math.max(least, Math.min(middle - size / 2, least + most - size));
        show(within(own.x + own.width / 2, whole[0], across, whole[2]),
             within(own.y + own.height / 2, whole[1], down, whole[3]), across, down);
      }
    };
    look = chosenNodes => {
      const isAllSeen = box.x <= whole[0] && box.y <= whole[1] && box.width >= whole[2]
        && box.height >= whole[3] && whole[2] <= seen()[0] && whole[3] <= seen()[1];
      if (!chosenNodes.length || isAllSeen) return;
      const boxes = chosenNodes.map(node => node.getBBox());
      const left = Math.min(...boxes.map(b => b.x)) - 20, top = Math.min(...boxes.map(b => b.y)) - 20;
      const right = Math.max(...boxes.map(b => b.x + b.width)) + 20;
      const bottom = Math.max(...boxes.map(b => b.y + b.height)) + 20;
      const isSeen = box.x <= left && box.y <= top && box.x + box.width >= right
        && box.y + box.height >= bottom && box.width <= 1.3 * seen()[0];
      if (isSeen) return;
      const [width, height] = [Math.max(right - left, seen()[0]), Math.max(bottom - top, seen()[1])];
      show((left + right - width) / 2, (top + bottom - height) / 2, width, height);
    };
    const scale = (factor, x = box.x + box.width / 2, y = box.y + box.height / 2) => {
      const width = Math.min(whole[2] * 1.5, Math.max(120, box.width * factor));
      const by = width / box.width;
      show(x - (x - box.x) * by, y - (y - box.y) * by, width, box.height * by);
    };
    const pointOf = event => new DOMPoint(event.clientX, event.clientY)
      .matrixTransform(graph.getScreenCTM().inverse());
    part("nearer").addEventListener("click", () => scale(1 / 1.4));
    part("farther").addEventListener("click", () => scale(1.4));
    for (const node of nodes) {
      node.addEventListener("focus", () => { if (node.matches(":focus-visible")) look([node]); });
    }
    part("whole").addEventListener("click", () => show(...whole));
    start();
    graph.addEventListener("wheel", event => {
      if (!event.ctrlKey && !event.metaKey) return;  // the page scrolls
      event.preventDefault();
      const { x, y } = pointOf(event);
      scale(event.deltaY > 0 ? 1.15 : 1 / 1.15, x, y);
    }, { passive: false });
    let from = null;
    graph.addEventListener("pointerdown", event => {
      if (event.button === 0 && event.isPrimary && !event.target.closest(".node")) {
        from = pointOf(event);
        graph.setPointerCapture(event.pointerId);
        graph.classList.add("dragged");
      }
    });
    graph.addEventListener("pointermove", event => {
      if (from === null) return;
      const to = pointOf(event);
      show(box.x + from.x - to.x, box.y + from.y - to.y, box.width, box.height);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      graph.addEventListener(end, () => { from = null; graph.classList.remove("dragged"); });
    }
  }
  narrow();
})();
