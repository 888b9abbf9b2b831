/**
 * The tab in which the network is trained: controls, loss curve, filters, and digits of the
 * visitor's own. The work is done by train-worker.js.
 */
import { Chart } from './chart.js';
import { paint, range, scaleOf } from './colours.js';
import { OwnDigits } from './own.js';
import { element } from './sums.js';

const $ = (id) => document.getElementById(id);

export class Training {
  constructor(app) {
    this.app = app;
    this.chart = new Chart($('chart'));
    this.own = new OwnDigits(app);
    this.forget();
    $('train-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.start(new FormData(event.target));
    });
    $('train-stop').addEventListener('click', () => this.worker?.postMessage({ stop: true }));
    $('train-reset').addEventListener('click', () => this.reset());
    $('train-save').addEventListener('click', () => this.download());
  }

  get running() {
    return Boolean(this.worker);
  }

  // --- a run ------------------------------------------------------------------------------------

  start(form) {
    if (this.running || !this.app.model.network) return;
    const own = form.get('images') === 'own' ? this.own.data() : null;
    if (own && own.labels.length < 2) return this.say('Draw and label two digits at least.');
    const anew = form.get('begin') === 'new';
    if (anew) this.forget();
    this.say('Loading…');
    this.begin({
      weights: this.app.model.save(),
      anew,
      rate: Number(form.get('rate')),
      epochs: Number(form.get('epochs')),
      batch: Number(form.get('batch')),
      seed: Math.floor(Math.random() * 2 ** 31),
      own,
    });
  }

  begin(job) {
    this.worker = new Worker(new URL('train-worker.js', import.meta.url), { type: 'module' });
    this.worker.onmessage = ({ data }) => this.hear(data);
    this.worker.onerror = ({ message }) =>
      this.hear({ error: message || 'the worker did not start' });
    this.worker.postMessage({ start: job });
    this.job = job;
    this.epoch = 1;
    this.enable();
  }

  hear({ step, epoch, weights, done, error }) {
    if (step) this.addStep(step);
    if (epoch) this.endEpoch(epoch);
    if (weights) this.app.useWeights(weights);
    if (error) this.say(`It stopped: ${error}`);
    if (done) this.say(`${this.words()} Done.`);
    if (done || error) this.quit();
  }

  addStep({ loss, right, count, filters, ms }) {
    this.chart.add(loss);
    this.right = 0.95 * (this.right ?? right / count) + (0.05 * right) / count;
    this.pace = 0.95 * (this.pace ?? ms) + 0.05 * ms;
    this.filters = filters;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (this.running) this.say(this.words());
      this.draw();
    });
  }

  endEpoch({ epoch, accuracy, heldOut }) {
    const words = `${(100 * accuracy).toFixed(1)} %`;
    this.chart.mark(words);
    this.accuracy = heldOut
      ? `${words} of 500 unseen images right.`
      : `${words} of your digits right.`;
    this.epoch = epoch + 1;
  }

  words() {
    const { job, chart } = this;
    if (!chart.losses.length) return 'No step was done.';
    const parts = [
      `Epoch ${Math.min(this.epoch, job.epochs)} of ${job.epochs}, step ${chart.losses.length}:`,
      `loss ${chart.mean.toFixed(3)}, ${(100 * this.right).toFixed(0)} % of the images right,`,
      `${this.pace.toFixed(0)} ms a step of ${job.batch}. ${this.accuracy}`,
    ];
    return parts.join(' ');
  }

  quit() {
    this.worker?.terminate();
    this.worker = null;
    this.enable();
    this.draw();
  }

  /** Back to the weights that were opened last. */
  reset() {
    this.quit();
    this.forget();
    if (this.app.opened) this.app.useWeights(this.app.opened);
    this.say('Back to the weights of the file.');
    this.draw();
  }

  /** Another file was opened: what was trained has no place any more. */
  abandon() {
    this.quit();
    this.forget();
    this.say('Not started.');
    this.draw();
  }

  /** Nothing of a former run. */
  forget() {
    this.chart.clear();
    this.right = undefined;
    this.pace = undefined;
    this.accuracy = '';
    this.filters = null;
  }

  download() {
    if (!this.app.model.network) return;
    const url = URL.createObjectURL(
      new Blob([this.app.model.save()], { type: 'application/octet-stream' }),
    );
    element('a', {
      href: url,
      download: `${this.app.model.network.network}.safetensors`,
    }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  // --- what is seen -----------------------------------------------------------------------------

  enable() {
    $('train-start').disabled = this.running;
    $('train-stop').disabled = !this.running;
  }

  say(text) {
    $('train-state').textContent = text;
  }

  draw() {
    if ($('training').hidden) return;
    this.chart.draw();
    this.drawFilters();
  }

  /** The first layer's filters, each as a picture, all on one scale. */
  drawFilters() {
    const { network } = this.app.model;
    if (!network) return;
    const { window, output } = network.layers[0];
    const [height, width] = window.size;
    const weights = this.filters ?? this.app.model.weight(0);
    const box = $('filters');
    if (box.children.length !== output[0]) {
      box.replaceChildren(...Array.from({ length: output[0] }, () => element('canvas')));
    }
    const { low, high } = range(weights);
    const scale = scaleOf({ low: Math.min(low, -1e-9), high });
    Array.from(box.children).forEach((canvas, i) => {
      paint(
        canvas,
        weights.subarray(i * height * width, (i + 1) * height * width),
        width,
        height,
        scale,
      );
    });
  }
}
