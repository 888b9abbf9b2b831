/**
 * The sheet one draws on, with mouse, finger, pen or keyboard. Strokes are kept as points, so that
 * the last can be taken back; their ink is a canvas of PAD x PAD pixels.
 *
 * Keys: the arrows move the pen (with Shift by less), Space puts it down and lifts it, Backspace or
 * Ctrl+Z takes the last stroke back, Delete or Escape clears.
 */
export const PAD = 280;

const STEP = 10; // of the pen that keys move, in pixels of the sheet
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Sheet extends EventTarget {
  /**
   * @param canvas focusable; shows the strokes
   * @param overlay a canvas over it, for the pen that keys move and for what is pointed at
   */
  constructor(canvas, overlay) {
    super();
    this.canvas = canvas;
    this.overlay = overlay;
    this.strokes = [];
    this.thickness = 22;
    this.pen = { x: PAD / 2, y: PAD / 2, down: false, shown: false };
    this.marks = [];
    this.colours = { ink: '#000', pen: '#c00', mark: '#c00' };
    this.ink = blankCanvas(PAD);
    this.inkContext = this.ink.getContext('2d', { willReadFrequently: true });
    this.listenToPointer();
    this.listenToKeys();
    this.resize();
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  get empty() {
    return this.strokes.length === 0;
  }

  /** The ink of every pixel, 0 to 255. */
  read() {
    const { data } = this.inkContext.getImageData(0, 0, PAD, PAD);
    const alpha = new Uint8Array(PAD * PAD);
    for (let i = 0; i < alpha.length; i++) alpha[i] = data[4 * i + 3];
    return alpha;
  }

  // --- strokes ----------------------------------------------------------------------------------

  begin(point) {
    this.stroke = { thickness: this.thickness, points: [point] };
    this.strokes.push(this.stroke);
    this.inkSegment(this.stroke, 0);
    this.changed('stroke');
  }

  extend(points) {
    for (const point of points) {
      this.stroke.points.push(point);
      this.inkSegment(this.stroke, this.stroke.points.length - 1);
    }
    this.changed('stroke');
  }

  end() {
    if (!this.stroke) return;
    this.stroke = null;
    this.redraw();
    this.changed('lift');
  }

  undo() {
    if (this.empty) return;
    this.strokes.pop();
    this.lift();
    this.redraw();
    this.changed('lift');
  }

  clear() {
    this.strokes = [];
    this.lift();
    this.redraw();
    this.changed('lift');
  }

  /** Puts other strokes onto the sheet: [{ thickness, points: [{x, y}] }]. */
  setStrokes(strokes) {
    this.strokes = strokes;
    this.lift();
    this.redraw();
    this.changed('lift');
  }

  lift() {
    this.stroke = null;
    this.pen.down = false;
  }

  changed(type) {
    this.dispatchEvent(new Event(type));
  }

  // --- ink --------------------------------------------------------------------------------------

  /** All strokes anew, each as one line: those drawn piece by piece have rough edges. */
  redraw() {
    this.inkContext.clearRect(0, 0, PAD, PAD);
    this.strokes.forEach((stroke) => line(this.inkContext, stroke.points, stroke.thickness));
    this.show();
  }

  /** The part of a stroke that ends in point i: into the ink now, onto the screen next frame. */
  inkSegment(stroke, i) {
    line(this.inkContext, stroke.points.slice(Math.max(i - 1, 0), i + 1), stroke.thickness);
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.show();
    });
  }

  /** Draws everything anew, as after another size or colour. */
  show() {
    const { screen } = this;
    screen.clearRect(0, 0, PAD, PAD);
    screen.strokeStyle = this.colours.ink;
    screen.fillStyle = this.colours.ink;
    this.strokes.forEach((stroke) => line(screen, stroke.points, stroke.thickness));
    this.drawOverlay();
  }

  resize() {
    this.screen = fitCanvas(this.canvas);
    this.top = fitCanvas(this.overlay);
    this.show();
  }

  setColours(colours) {
    this.colours = colours;
    this.show();
  }

  /** Rectangles { x, y, width, height } on the sheet that are pointed at. */
  mark(rectangles) {
    this.marks = rectangles;
    this.drawOverlay();
  }

  drawOverlay() {
    const { top, pen } = this;
    top.clearRect(0, 0, PAD, PAD);
    top.strokeStyle = this.colours.mark;
    top.fillStyle = this.colours.mark;
    for (const r of this.marks) {
      top.globalAlpha = 0.22;
      top.fillRect(r.x, r.y, r.width, r.height);
      top.globalAlpha = 1;
      top.lineWidth = 2;
      top.strokeRect(r.x, r.y, r.width, r.height);
    }
    if (!pen.shown) return;
    top.strokeStyle = this.colours.pen;
    top.lineWidth = pen.down ? 4 : 2;
    top.beginPath();
    top.arc(pen.x, pen.y, Math.max(this.thickness / 2, 5), 0, 2 * Math.PI);
    top.stroke();
  }

  // --- pointer ----------------------------------------------------------------------------------

  listenToPointer() {
    const { canvas } = this;
    let id = null;
    canvas.addEventListener('pointerdown', (event) => {
      if (id !== null || (event.pointerType === 'mouse' && event.button !== 0)) return;
      id = event.pointerId;
      canvas.setPointerCapture(id);
      this.showPen(false);
      this.begin(this.pointOf(event));
    });
    canvas.addEventListener('pointermove', (event) => {
      if (event.pointerId !== id || !this.stroke) return;
      const events = event.getCoalescedEvents?.() ?? [];
      this.extend((events.length > 0 ? events : [event]).map((e) => this.pointOf(e)));
    });
    const end = (event) => {
      if (event.pointerId !== id) return;
      id = null;
      this.end();
    };
    canvas.addEventListener('pointerup', end);
    canvas.addEventListener('pointercancel', end);
  }

  pointOf(event) {
    const box = this.canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * PAD,
      y: ((event.clientY - box.top) / box.height) * PAD,
    };
  }

  // --- keys -------------------------------------------------------------------------------------

  listenToKeys() {
    const { canvas } = this;
    canvas.addEventListener('keydown', (event) => {
      if (this.handleKey(event)) event.preventDefault();
    });
    canvas.addEventListener('focus', () => this.showPen(canvas.matches(':focus-visible')));
    canvas.addEventListener('blur', () => {
      this.pen.down = false;
      this.end();
      this.showPen(false);
    });
  }

  handleKey(event) {
    if (event.key === 'z' && (event.ctrlKey || event.metaKey)) this.undo();
    else if (event.ctrlKey || event.metaKey || event.altKey) return false;
    else if (event.key in ARROWS) this.movePen(ARROWS[event.key], event.shiftKey ? STEP / 5 : STEP);
    else if (event.key === ' ') this.togglePen();
    else if (event.key === 'Backspace') this.undo();
    else if (event.key === 'Delete' || event.key === 'Escape') this.clear();
    else return false;
    return true;
  }

  movePen([dx, dy], step) {
    const { pen } = this;
    pen.x = Math.min(Math.max(pen.x + dx * step, 0), PAD);
    pen.y = Math.min(Math.max(pen.y + dy * step, 0), PAD);
    this.showPen(true);
    if (pen.down) this.extend([{ x: pen.x, y: pen.y }]);
  }

  togglePen() {
    const { pen } = this;
    pen.down = !pen.down;
    if (pen.down) this.begin({ x: pen.x, y: pen.y });
    else this.end();
    this.showPen(true);
  }

  showPen(shown) {
    this.pen.shown = shown;
    this.drawOverlay();
  }
}

/** A canvas that is not on the page. */
function blankCanvas(side) {
  const canvas = document.createElement('canvas');
  canvas.width = side;
  canvas.height = side;
  return canvas;
}

/** The context of a canvas whose pixels are the screen's, in units of the sheet. */
function fitCanvas(canvas) {
  const pixels = Math.round((canvas.clientWidth || PAD) * (window.devicePixelRatio || 1));
  canvas.width = pixels;
  canvas.height = pixels;
  const context = canvas.getContext('2d');
  context.setTransform(pixels / PAD, 0, 0, pixels / PAD, 0, 0);
  return context;
}

/** A line through the points; of one point a dot, which browsers do not agree on otherwise. */
function line(context, points, thickness) {
  const [first, ...rest] = points;
  context.beginPath();
  if (rest.length === 0) {
    context.arc(first.x, first.y, thickness / 2, 0, 2 * Math.PI);
    context.fill();
    return;
  }
  context.lineWidth = thickness;
  context.lineCap = 'round';
  context.lineJoin = 'round';
  context.moveTo(first.x, first.y);
  rest.forEach(({ x, y }) => context.lineTo(x, y));
  context.stroke();
}
