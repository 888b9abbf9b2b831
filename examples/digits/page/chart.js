/**
 * The loss of every step as a faint line, its running mean as a strong one.
 */
const WIDTH = 640;
const HEIGHT = 240;
const MARGIN = { left: 44, right: 12, top: 12, bottom: 30 };
const MEMORY = 0.9; // of the running mean

export class Chart {
  constructor(canvas) {
    this.canvas = canvas;
    this.clear();
  }

  clear() {
    this.losses = [];
    this.means = [];
    this.marks = [];
    this.draw();
  }

  add(loss) {
    const before = this.means.at(-1) ?? loss;
    this.losses.push(loss);
    this.means.push(MEMORY * before + (1 - MEMORY) * loss);
  }

  /** A word at the present step, as for the end of an epoch. */
  mark(text) {
    this.marks.push({ step: this.losses.length, text });
  }

  get mean() {
    return this.means.at(-1);
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = WIDTH * ratio;
    this.canvas.height = HEIGHT * ratio;
    const context = this.canvas.getContext('2d');
    context.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const steps = Math.max(this.losses.length, 50);
    const top = Math.max(2.5, ...this.means);
    const x = (step) => MARGIN.left + (step / steps) * (WIDTH - MARGIN.left - MARGIN.right);
    const y = (loss) =>
      HEIGHT - MARGIN.bottom - (Math.min(loss, top) / top) * (HEIGHT - MARGIN.top - MARGIN.bottom);
    context.font = '12px system-ui, sans-serif';
    this.axes(context, { x, y, steps, top, text: colour('muted'), rule: colour('line') });
    this.line(context, this.losses, x, y, colour('faint'), 1);
    this.line(context, this.means, x, y, colour('accent'), 2.5);
    this.describe();
  }

  axes(context, { x, y, steps, top, text, rule }) {
    context.fillStyle = text;
    context.strokeStyle = rule;
    context.lineWidth = 1;
    context.textAlign = 'right';
    for (let loss = 0; loss <= top; loss += top > 4 ? 1 : 0.5) {
      context.beginPath();
      context.moveTo(x(0), Math.round(y(loss)) + 0.5);
      context.lineTo(x(steps), Math.round(y(loss)) + 0.5);
      context.stroke();
      context.fillText(loss.toFixed(1), MARGIN.left - 8, y(loss) + 4);
    }
    const every = 10 ** Math.floor(Math.log10(steps));
    context.textAlign = 'center';
    for (let step = 0; step <= steps; step += steps / every < 3 ? every / 2 : every) {
      context.fillText(String(step), x(step), HEIGHT - 10);
    }
    for (const { step, text: words } of this.marks) {
      context.beginPath();
      context.moveTo(x(step), y(0));
      context.lineTo(x(step), y(top));
      context.stroke();
      context.textAlign = x(step) > WIDTH / 2 ? 'right' : 'left';
      context.fillText(words, x(step) + (x(step) > WIDTH / 2 ? -6 : 6), MARGIN.top + 12);
    }
  }

  line(context, values, x, y, colour, width) {
    context.beginPath();
    values.forEach((v, i) => context.lineTo(x(i + 1), y(v)));
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.lineJoin = 'round';
    context.stroke();
  }

  describe() {
    const { length } = this.losses;
    const words = length
      ? `Loss by step: ${length} steps, now ${this.mean.toFixed(3)}`
      : 'Loss by step: no step yet';
    this.canvas.setAttribute('aria-label', words);
  }
}
