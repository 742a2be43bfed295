// A mask that is painted over a picture: strokes are kept, so that they can be undone and drawn at any size.
export class Painting {
  constructor(canvas, picture) {
    Object.assign(this, { canvas, picture, strokes: [], brush: 0.1, onChange: () => {} });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.strokes.push({ brush: this.brush, points: [this.place(event)] });
      this.draw();
      event.preventDefault();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!event.buttons || !this.strokes.length) return;
      for (const each of event.getCoalescedEvents?.() ?? [event]) this.strokes.at(-1).points.push(this.place(each));
      this.draw();
    });
    for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, () => this.onChange());
    new ResizeObserver(() => this.draw()).observe(picture);
  }

  // In fractions of the picture's width.
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.width];
  }

  draw() {
    const { canvas, picture } = this;
    canvas.width = picture.naturalWidth || 1;
    canvas.height = picture.naturalHeight || 1;
    Object.assign(canvas.style, { width: `${picture.clientWidth}px`, height: `${picture.clientHeight}px` });
    this.stroke(canvas.getContext("2d"), canvas.width, "#ff2d6f");
  }

  stroke(context, width, colour) {
    Object.assign(context, { lineCap: "round", lineJoin: "round", strokeStyle: colour });
    for (const { brush, points } of this.strokes) {
      context.lineWidth = brush * width;
      context.beginPath();
      context.moveTo(points[0][0] * width, points[0][1] * width);
      for (const [x, y] of points.length > 1 ? points.slice(1) : points) context.lineTo(x * width, y * width);
      context.stroke();
    }
  }

  undo() { this.strokes.pop(); this.draw(); this.onChange(); }

  clear() { this.strokes = []; this.draw(); this.onChange(); }

  // White where it is painted, on black, as large as the picture.
  png() {
    const mask = Object.assign(document.createElement("canvas"), { width: this.canvas.width, height: this.canvas.height });
    const context = mask.getContext("2d");
    context.fillRect(0, 0, mask.width, mask.height);
    this.stroke(context, mask.width, "#fff");
    return new Promise((resolve) => mask.toBlob(resolve, "image/png"));
  }
}
