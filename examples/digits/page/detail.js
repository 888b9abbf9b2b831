/**
 * A map, enlarged below its card: one chooses a unit by pointing, touching or with the arrow keys,
 * and sees the sum that makes its value.
 */
import { paint, range, scaleOf } from './colours.js';
import { positionOf } from './explain.js';
import { element, exact, showSum } from './sums.js';
import { nameOf, unitAt, unitOf } from './units.js';

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Detail {
  constructor(layers) {
    this.layers = layers;
    this.canvas = element('canvas', {
      class: 'detail-map',
      tabindex: '0',
      role: 'application',
    });
    this.cursor = element('span', { class: 'detail-cursor' });
    this.title = element('h4', { 'aria-live': 'polite' });
    this.sum = element('div', { class: 'sum' });
    const close = element('button', { class: 'quiet', type: 'button' }, 'Close');
    close.addEventListener('click', () => this.close(true));
    this.element = element(
      'section',
      { class: 'detail' },
      element(
        'div',
        { class: 'detail-view' },
        element('div', { class: 'detail-frame' }, this.canvas, this.cursor),
        element('p', { class: 'hint' }, 'Point at a unit, or use the arrow keys.'),
      ),
      element(
        'div',
        { class: 'detail-text' },
        element('div', { class: 'detail-head' }, this.title, close),
        this.sum,
      ),
    );
    this.listen();
  }

  get unit() {
    return this.card ? this.chosen : null;
  }

  listen() {
    const choose = (event) => this.choose(unitAt(this.card, this.map.channel, this.canvas, event));
    this.canvas.addEventListener('pointerdown', choose);
    this.canvas.addEventListener('pointermove', choose);
    this.element.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.close(true);
      else if (event.target === this.canvas && event.key in ARROWS) this.step(ARROWS[event.key]);
      else return;
      event.preventDefault();
    });
  }

  step([dx, dy]) {
    const { card, map, chosen } = this;
    const x = Math.min(Math.max(chosen.x + dx, 0), card.width - 1);
    const y = Math.min(Math.max(chosen.y + dy, 0), card.height - 1);
    this.choose(unitOf(card, map.channel, x, y));
  }

  // --- opening and closing ----------------------------------------------------------------------

  toggle(card, map) {
    if (!this.layers.image) return;
    if (this.map === map) this.close(true);
    else this.open(card, map);
  }

  open(card, map) {
    this.close();
    this.card = card;
    this.map = map;
    map.button.setAttribute('aria-expanded', 'true');
    const what = card.count > 1 ? `Map ${map.channel} of ${nameOf(card)}` : nameOf(card);
    this.element.setAttribute('aria-label', what);
    this.canvas.setAttribute('aria-label', `${what}: arrow keys choose a unit`);
    this.canvas.style.aspectRatio = `${card.width} / ${card.height}`;
    card.element.append(this.element);
    this.choose(this.strongest());
    this.canvas.focus({ preventScroll: true });
    this.element.scrollIntoView({ block: 'nearest' });
  }

  /** @param back whether the focus returns to the map */
  close(back = false) {
    if (!this.card) return;
    const { button } = this.map;
    button.setAttribute('aria-expanded', 'false');
    this.element.remove();
    this.card = null;
    this.map = null;
    this.layers.pointed(null);
    if (back) button.focus();
  }

  /** The unit of the map with the largest number. */
  strongest() {
    const { card, map } = this;
    const size = card.width * card.height;
    const values = this.layers
      .tensor(card.index)
      .values.subarray(map.channel * size, (map.channel + 1) * size);
    let best = 0;
    values.forEach((v, i) => {
      if (v > values[best]) best = i;
    });
    return unitOf(card, map.channel, best % card.width, Math.floor(best / card.width));
  }

  // --- the unit ---------------------------------------------------------------------------------

  choose(unit) {
    this.chosen = unit;
    this.refresh();
  }

  point() {
    this.layers.point(this.card.index, this.chosen);
  }

  /** After another unit, another drawing, other weights or colours. */
  refresh() {
    if (!this.card || !this.layers.image) return;
    const { card, map, chosen } = this;
    const { values } = this.layers.tensor(card.index);
    const size = card.width * card.height;
    const part = values.subarray(map.channel * size, (map.channel + 1) * size);
    paint(
      this.canvas,
      part,
      card.width,
      card.height,
      scaleOf(range(this.layers.scaleByMap ? part : values)),
    );
    this.cursor.style.left = `${(100 * chosen.x) / card.width}%`;
    this.cursor.style.top = `${(100 * chosen.y) / card.height}%`;
    this.cursor.style.width = `${100 / card.width}%`;
    this.cursor.style.height = `${100 / card.height}%`;
    const view = this.viewOf();
    const place = card.flat ? `Unit ${chosen.index}` : `Unit (${chosen.x}, ${chosen.y})`;
    this.title.textContent = `${place} is ${exact(view.value)}`;
    this.sum.replaceChildren(...showSum(view));
    this.point();
  }

  /** What sums.js needs to know of the unit. */
  viewOf() {
    const { card, chosen, layers } = this;
    const { model } = layers;
    const { network } = model;
    const output = layers.tensor(card.index);
    return {
      network,
      index: card.index,
      layer: card.layer,
      before: network.layers[card.index - 1],
      last: card.index === network.layers.length - 1,
      input: card.index < 0 ? null : layers.tensor(card.index - 1),
      output,
      weight: card.layer.parameters > 0 ? model.weight(card.index) : null,
      bias: card.layer.parameters > 0 ? model.bias(card.index) : null,
      unit: chosen,
      value: output.values[positionOf(output.shape, chosen)],
    };
  }
}
