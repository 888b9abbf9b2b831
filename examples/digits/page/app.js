/**
 * The page: what the parts tell one another.
 *
 * A stroke -> the image (centre.js) -> the answer (bars.js), at once; the layers (layers.js) with
 * the next frame.
 */
import { Bars } from './bars.js';
import { centre } from './centre.js';
import { gradient } from './colours.js';
import { PAD, Sheet } from './draw.js';
import { Layers } from './layers.js';
import { Model } from './model.js';
import { whole } from './sums.js';
import { Tabs } from './tabs.js';
import { KernelTab } from './kernels.js';
import { followTheme } from './theme.js';
import { Training } from './training.js';

const $ = (id) => document.getElementById(id);

class App {
  constructor(model) {
    this.model = model;
    this.sheet = new Sheet($('sheet'), $('overlay'));
    this.bars = new Bars($('bars'), $('live'));
    this.layers = new Layers($('cards'), model);
    this.training = new Training(this);
    this.tabs = new Tabs(document.querySelector('[role=tablist]'));
    this.image = null;
    this.connect();
  }

  connect() {
    const { sheet, layers } = this;
    sheet.addEventListener('stroke', () => this.answer());
    sheet.addEventListener('lift', () => {
      this.answer();
      this.settled = true;
    });
    layers.addEventListener('point', ({ field }) =>
      sheet.mark(field && this.fit ? [this.onSheet(field)] : []),
    );
    $('undo').addEventListener('click', () => sheet.undo());
    $('clear').addEventListener('click', () => sheet.clear());
    $('thickness').addEventListener(
      'input',
      ({ target }) => (sheet.thickness = Number(target.value)),
    );
    $('scale').addEventListener('change', ({ target }) => {
      layers.scaleByMap = target.value === 'map';
      layers.repaint();
    });
    this.tabs.addEventListener('select', () => this.training.draw());
    this.tabs.addEventListener('select', () => this.showKernels());
    followTheme($('theme'), () => this.recolour());
    this.recolour();
    this.acceptFiles();
    this.tabs.follow();
  }

  // --- the answer -------------------------------------------------------------------------------

  /** Reads the sheet and answers; the layers follow with the next frame. */
  answer() {
    const begun = performance.now();
    const centred = this.sheet.empty ? null : centre(this.sheet.read(), PAD, PAD);
    this.image = centred?.image ?? null;
    this.fit = centred?.fit ?? null;
    for (const id of ['undo', 'clear']) $(id).disabled = this.sheet.empty;
    $('invitation').hidden = !this.sheet.empty;
    if (!this.model.network) return;
    this.predict();
    this.latency = performance.now() - begun;
    $('latency').textContent = this.image ? `in ${this.latency.toFixed(1)} ms` : '';
    this.follow();
  }

  predict() {
    if (!this.image) return this.bars.show(null);
    this.model.setImage(this.image);
    this.bars.show(Array.from(this.model.predict()));
  }

  /** Shows the layers once a frame, however many strokes come. */
  follow() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.layers.show(this.image ?? new Float32Array(28 * 28));
      if (this.settled) this.layers.settle();
      this.settled = false;
    });
  }

  /** A rectangle of the image, on the sheet. */
  onSheet({ x, y, width, height }) {
    const { scale, x: dx, y: dy } = this.fit;
    return {
      x: (x - dx) / scale,
      y: (y - dy) / scale,
      width: width / scale,
      height: height / scale,
    };
  }

  /** The second tab is made when it is first opened; its camera stops when it is left. */
  showKernels() {
    if (this.tabs.selected === 'kernels') this.kernels ??= new KernelTab($('kernels'), this.model.library);
    else this.kernels?.stop();
  }

  recolour() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    this.sheet.setColours({
      ink: colour('ink'),
      pen: colour('accent'),
      mark: colour('accent'),
    });
    document.querySelector('.legend-signed').style.background = gradient('diverging');
    document.querySelector('.legend-rising').style.background = gradient('rising');
    this.layers.repaint();
    this.training.draw();
    this.kernels?.repaint();
  }

  // --- weights ----------------------------------------------------------------------------------

  /** Opens a file of weights; what is wrong with it is said on the page. */
  open(bytes, name) {
    try {
      this.useWeights(bytes);
    } catch (error) {
      this.say(`${name} was not opened. ${error.message}`);
      return false;
    }
    this.say('');
    this.opened = bytes;
    this.training.abandon();
    return true;
  }

  /** Other weights, of the same network or another one. */
  useWeights(bytes) {
    const before = this.model.network;
    const network = this.model.open(bytes);
    $('network').textContent =
      `Network “${network.network}”: ${whole(network.parameters)} weights, for ${network.images}.`;
    if (before?.network !== network.network) this.layers.build();
    if (String(before?.classes) !== String(network.classes)) this.bars.setClasses(network.classes);
    this.answer();
  }

  say(text) {
    $('message').textContent = text;
  }

  acceptFiles() {
    const take = async (file) => file && this.open(await file.arrayBuffer(), file.name);
    $('file').addEventListener('change', ({ target }) => {
      take(target.files[0]);
      target.value = '';
    });
    document.addEventListener('dragover', (event) => event.preventDefault());
    document.addEventListener('drop', (event) => {
      event.preventDefault();
      take(event.dataTransfer.files[0]);
    });
  }
}

async function fetchWeights() {
  const answer = await fetch(new URL('digits.safetensors', import.meta.url));
  if (!answer.ok)
    throw new Error(
      'The weights, digits.safetensors, are not beside the page: open a file of train_mnist.',
    );
  return answer.arrayBuffer();
}

async function start() {
  const weights = fetchWeights();
  weights.catch(() => {}); // told below
  const app = new App(await Model.create());
  try {
    app.open(await weights, 'digits.safetensors');
  } catch (error) {
    app.say(error.message);
  }
  return app;
}

function keepForOffline() {
  if (!('serviceWorker' in navigator) || !window.isSecureContext) return;
  navigator.serviceWorker.register(new URL('sw.js', import.meta.url)).catch(() => {});
  navigator.serviceWorker.ready.then(
    () => ($('offline').textContent = 'It works without network, too.'),
  );
}

/** The App, once it has started: for the console and the tests. */
export const started = start();
started.then(keepForOffline, (error) => {
  $('message').textContent = `The page could not start: ${error.message}`;
});
