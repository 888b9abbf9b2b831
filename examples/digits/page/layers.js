/**
 * A card for every layer: what it is, what it costs, and all its maps.
 */
import { paint, range, scaleOf } from './colours.js';
import { Detail } from './detail.js';
import { fieldOf } from './explain.js';
import { element, whole } from './sums.js';
import { nameOf, unitAt } from './units.js';

const WORDS = {
  Input: 'the drawing, centred and scaled, as the network sees it',
  Conv2d: 'every map is one filter, drawn over all maps before',
  ReLU: 'what is negative becomes 0',
  MaxPool2d: 'of every window the largest number is kept',
  Dropout: 'in training a part is left out at random; now all pass',
  Flatten: 'all maps as one row of numbers',
  Linear: 'every unit sums all numbers before, each times a weight',
};

/** Width and height in which a layer of n units is shown. */
function rowsOf(n) {
  if (n <= 16) return [n, 1];
  let width = Math.ceil(Math.sqrt(8 * n));
  while (n % width !== 0) width++;
  return [width, n / width];
}

export class Layers extends EventTarget {
  /** @param container where the cards go */
  constructor(container, model) {
    super();
    this.container = container;
    this.model = model;
    this.cards = [];
    this.scaleByMap = false;
    this.detail = new Detail(this);
    this.seen = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          const card = this.cards.find((c) => c.element === target);
          if (!card) continue;
          card.visible = isIntersecting;
          if (isIntersecting && card.stale) this.paintCard(card);
        }
      },
      { rootMargin: '200px' },
    );
  }

  /** Makes the cards of the network that is open. */
  build() {
    const { network } = this.model;
    this.detail.close();
    this.seen.disconnect();
    const input = { kind: 'Input', options: '', output: network.input, parameters: 0 };
    this.cards = [input, ...network.layers].map((layer, i) => this.makeCard(layer, i - 1));
    this.container.replaceChildren(...this.cards.map((card) => card.element));
    this.cards.forEach((card) => this.seen.observe(card.element));
  }

  /** The values of layer i; -1 is the input. Views: read them before the next call of the model. */
  tensor(i) {
    if (i >= 0) return { shape: this.model.network.layers[i].output, values: this.model.output(i) };
    const { mean, std, input } = this.model.network;
    return { shape: input, values: this.image.map((v) => (v - mean) / std) };
  }

  /** Shows what every layer makes of the image. */
  show(image) {
    this.image = image;
    this.model.setImage(image);
    this.model.run();
    for (const card of this.cards) {
      card.stale = true;
      if (card.visible) this.paintCard(card);
    }
    this.detail.refresh();
  }

  /** Sorts once more, where that is wanted: not while a stroke is drawn, for maps would jump. */
  settle() {
    this.cards.filter((card) => card.sorted).forEach((card) => this.sort(card));
  }

  // --- a card -----------------------------------------------------------------------------------

  makeCard(layer, index) {
    const flat = layer.output.length === 1;
    const [width, height] = flat ? rowsOf(layer.output[0]) : [layer.output[2], layer.output[1]];
    const card = { layer, index, flat, width, height, count: flat ? 1 : layer.output[0] };
    card.maps = Array.from({ length: card.count }, (_, channel) => this.makeMap(card, channel));
    card.grid = element(
      'div',
      {
        class: flat ? 'maps flat' : 'maps',
        role: 'group',
        'aria-label': `Maps of ${nameOf(card)}`,
      },
      ...card.maps.map((m) => m.button),
    );
    this.rove(card);
    const head = element(
      'header',
      { class: 'card-head' },
      element(
        'h3',
        {},
        element(
          'span',
          { class: 'card-number', 'aria-hidden': 'true' },
          index < 0 ? '·' : String(index + 1),
        ),
        layer.kind,
      ),
      element('p', { class: 'card-words' }, WORDS[layer.kind] ?? ''),
    );
    card.element = element(
      'article',
      { class: 'card', 'aria-label': nameOf(card) },
      head,
      this.facts(card),
      card.grid,
    );
    if (card.count > 1) head.append(this.sortButton(card));
    return card;
  }

  facts({ layer }) {
    const list = element('dl', { class: 'facts' });
    const fact = (term, text) =>
      list.append(element('div', {}, element('dt', {}, term), element('dd', {}, text)));
    if (layer.options) fact('Options', layer.options);
    fact('Output', layer.output.join(' × '));
    if (layer.kind === 'Input') return list;
    fact('Parameters', whole(layer.parameters));
    if (layer.multiplyAdds !== undefined)
      fact('Multiply-adds', whole(layer.multiplyAdds));
    if (layer.field)
      fact('Sees', layer.field.whole ? 'the whole image' : layer.field.size.join(' × '));
    return list;
  }

  sortButton(card) {
    const button = element(
      'button',
      { class: 'quiet', type: 'button', 'aria-pressed': 'false' },
      'Sort by strength',
    );
    button.addEventListener('click', () => {
      card.sorted = !card.sorted;
      button.setAttribute('aria-pressed', String(card.sorted));
      this.sort(card);
    });
    return button;
  }

  /** Strength is the mean size of a map's numbers. */
  sort(card) {
    const order = card.maps.map((map) => map.channel);
    if (card.sorted && this.image) {
      const { values } = this.tensor(card.index);
      const size = card.width * card.height;
      const strength = order.map((_, c) =>
        values.subarray(c * size, (c + 1) * size).reduce((s, v) => s + Math.abs(v), 0),
      );
      order.sort((a, b) => strength[b] - strength[a]);
    }
    card.grid.append(...order.map((c) => card.maps[c].button));
  }

  // --- its maps ---------------------------------------------------------------------------------

  makeMap(card, channel) {
    const canvas = element('canvas', { width: card.width, height: card.height });
    canvas.style.aspectRatio = `${card.width} / ${card.height}`;
    const name = card.count > 1 ? `Map ${channel} of ${nameOf(card)}` : nameOf(card);
    const button = element(
      'button',
      {
        class: 'map',
        type: 'button',
        'aria-label': `${name}: enlarge`,
        'aria-expanded': 'false',
      },
      canvas,
    );
    if (card.count > 1)
      button.append(
        element('span', { class: 'map-number', 'aria-hidden': 'true' }, String(channel)),
      );
    const map = { channel, canvas, button };
    button.addEventListener('click', () => this.detail.toggle(card, map));
    button.addEventListener('pointermove', (event) => {
      if (event.pointerType !== 'touch')
        this.point(card.index, unitAt(card, channel, canvas, event));
    });
    button.addEventListener('pointerleave', () => this.unpoint());
    return map;
  }

  /** Arrow keys go from map to map; Tab goes on to the next card. */
  rove(card) {
    card.maps.forEach(({ button }, i) => (button.tabIndex = i === 0 ? 0 : -1));
    card.grid.addEventListener('keydown', (event) => {
      const buttons = Array.from(card.grid.children);
      const at = buttons.indexOf(document.activeElement);
      const columns = getComputedStyle(card.grid).gridTemplateColumns.split(' ').length;
      const move = {
        ArrowLeft: -1,
        ArrowRight: 1,
        ArrowUp: -columns,
        ArrowDown: columns,
        Home: -at,
        End: buttons.length - 1 - at,
      };
      const to = buttons[at + move[event.key]];
      if (at < 0 || !to) return;
      event.preventDefault();
      buttons[at].tabIndex = -1;
      to.tabIndex = 0;
      to.focus();
    });
  }

  paintCard(card) {
    if (!this.image) return;
    card.stale = false;
    const { values } = this.tensor(card.index);
    const size = card.width * card.height;
    const whole = this.scaleByMap ? null : scaleOf(range(values));
    for (const { channel, canvas } of card.maps) {
      const part = values.subarray(channel * size, (channel + 1) * size);
      paint(canvas, part, card.width, card.height, whole ?? scaleOf(range(part)));
    }
  }

  repaint() {
    for (const card of this.cards) {
      card.stale = true;
      if (card.visible) this.paintCard(card);
    }
    this.detail.refresh();
  }

  // --- what is pointed at -----------------------------------------------------------------------

  /** Tells which part of the image a unit sees: event "point" with `field`. */
  point(index, unit) {
    this.pointed(fieldOf(this.model.network, index, unit));
  }

  unpoint() {
    if (this.detail.unit) this.detail.point();
    else this.pointed(null);
  }

  pointed(field) {
    const event = new Event('point');
    event.field = field;
    this.dispatchEvent(event);
  }
}
