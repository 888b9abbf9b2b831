/**
 * Digits that the visitor has drawn and labelled.
 */
import { paint } from './colours.js';
import { SIDE } from './model.js';
import { element } from './sums.js';

const INK = { from: 0, factor: 255, kind: 'rising' };

export class OwnDigits {
  constructor(app) {
    this.app = app;
    this.digits = [];
    this.list = document.getElementById('own');
    const labels = Array.from({ length: 10 }, (_, label) => {
      const button = element('button', { type: 'button' }, String(label));
      button.addEventListener('click', () => this.add(label));
      return button;
    });
    document.getElementById('labels').append(...labels);
  }

  /** The drawing joins the list, and the sheet is free for the next. */
  add(label) {
    const { image, sheet } = this.app;
    if (!image) return;
    const canvas = element('canvas');
    paint(canvas, image, SIDE, SIDE, INK);
    const button = element(
      'button',
      { type: 'button', class: 'thumbnail', 'aria-label': `${label}: remove` },
      canvas,
      String(label),
    );
    const item = element('li', {}, button);
    const digit = { image: Uint8Array.from(image, (v) => Math.round(255 * v)), label };
    button.addEventListener('click', () => this.remove(digit, item));
    this.digits.push(digit);
    this.list.append(item);
    sheet.clear();
    this.count();
  }

  remove(digit, item) {
    this.digits = this.digits.filter((d) => d !== digit);
    const next = (item.nextElementSibling ?? item.previousElementSibling)?.querySelector('button');
    item.remove();
    next?.focus();
    this.count();
  }

  count() {
    const n = this.digits.length;
    document.getElementById('own-count').textContent = n ? `(${n} so far)` : '(none yet)';
  }

  data() {
    const images = new Uint8Array(this.digits.length * SIDE * SIDE);
    this.digits.forEach(({ image }, i) => images.set(image, i * SIDE * SIDE));
    return { images, labels: Uint8Array.from(this.digits, ({ label }) => label) };
  }
}
