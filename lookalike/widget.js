const EDGES = ["Left", "Top", "Right", "Bottom"];
const LEAST = 0.03; // of a side; what is smaller was a click, which chooses the whole photo

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function render({ model, el }) {
  const photo = element("img", { src: model.get("picture"), alt: "The photo to crop", draggable: false });
  const frame = element("div", { className: "lkw-frame" });
  const stage = element("div", { className: "lkw-stage" }, photo, frame);
  const answer = element("div", { className: "lkw-answer" });
  answer.setAttribute("aria-live", "polite");
  const sliders = EDGES.map((name) =>
    element("input", { type: "range", min: 0, max: 1, step: 0.01, ariaLabel: name }),
  );
  const labels = sliders.map((slider, at) => element("label", {}, EDGES[at], slider));
  const keyboard = element("details", {}, element("summary", {}, "By keyboard"), ...labels);
  el.classList.add("lkw");
  el.append(element("div", { className: "lkw-photo" }, stage, keyboard), answer);

  const draw = ([left, top, right, bottom]) => {
    frame.style.inset = [top, 1 - right, 1 - bottom, left].map((share) => `${100 * share}%`).join(" ");
  };
  const choose = (box) => {
    const [left, top, right, bottom] = box;
    model.set("box", right - left < LEAST || bottom - top < LEAST ? [0, 0, 1, 1] : box);
    model.save_changes();
    show();
  };
  const show = () => {
    const box = model.get("box");
    draw(box);
    sliders.forEach((slider, at) => (slider.value = box[at]));
  };
  const answered = () => (answer.innerHTML = model.get("answer")); // Lookalike's own, escaped, HTML

  let start = null;
  const at = (event) => {
    const { left, top, width, height } = stage.getBoundingClientRect();
    const share = (place, side) => Math.min(1, Math.max(0, place / side));
    return [share(event.clientX - left, width), share(event.clientY - top, height)];
  };
  const enclosed = (event) => {
    const [x, y] = at(event);
    return [Math.min(x, start[0]), Math.min(y, start[1]), Math.max(x, start[0]), Math.max(y, start[1])];
  };
  stage.addEventListener("pointerdown", (event) => {
    start = at(event);
    stage.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => start && draw(enclosed(event)));
  stage.addEventListener("pointerup", (event) => {
    if (!start) return;
    choose(enclosed(event));
    start = null;
  });
  stage.addEventListener("pointercancel", () => {
    start = null;
    show();
  });
  sliders.forEach((slider) =>
    slider.addEventListener("change", () => choose(sliders.map(({ valueAsNumber }) => valueAsNumber))),
  );

  model.on("change:box", show);
  model.on("change:answer", answered);
  show();
  answered();
}

export default { render };
