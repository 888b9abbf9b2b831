/**
 * Trains in a worker, so that the page stays at hand.
 *
 * It is told { start: { weights, anew, rate, epochs, batch, seed, own } } or { stop: true }, and
 * tells { step }, { epoch }, { weights }, { done } or { error }. `weights` are bytes of a safetensors
 * file; `own` are images and labels that the visitor drew, in place of MNIST's.
 */
import { Model, SIDE } from './model.js';
import { loadMnist } from './mnist.js';

const AREA = SIDE * SIDE;
const HELD_OUT = 500; // of MNIST's images: not trained on, the accuracy is theirs
const LEAST_STEPS = 20;
const BETWEEN_WEIGHTS = 700; // ms

let stopped = false;

self.addEventListener('message', ({ data }) => {
  if (data.stop) stopped = true;
  if (data.start) {
    stopped = false;
    train(data.start).catch((error) => self.postMessage({ error: error.message }));
  }
});

/** Gives a message the chance to arrive. */
function pause() {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(null);
  });
}

/** Numbers below `limit` in an order of chance, by Fisher and Yates. */
function shuffled(limit) {
  const order = Array.from({ length: limit }, (_, i) => i);
  for (let i = limit - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** The order of an epoch: few images come so often that there are LEAST_STEPS steps. */
function orderOf(count, batch) {
  const passes = Math.max(1, Math.ceil((LEAST_STEPS * batch) / count));
  return Array.from({ length: passes }, () => shuffled(count)).flat();
}

function gather({ images, labels }, order) {
  const batch = new Uint8Array(order.length * AREA);
  order.forEach((at, i) => batch.set(images.subarray(at * AREA, (at + 1) * AREA), i * AREA));
  return { images: batch, labels: Uint8Array.from(order, (at) => labels[at]) };
}

function accuracyOf(model, set, from, to) {
  let right = 0;
  for (let i = from; i < to; i += model.largestBatch) {
    const end = Math.min(i + model.largestBatch, to);
    right += model.test(set.images.subarray(i * AREA, end * AREA), set.labels.subarray(i, end));
  }
  return right / (to - from);
}

function sendWeights(model) {
  const weights = model.save();
  self.postMessage({ weights: weights.buffer }, [weights.buffer]);
}

async function train({ weights, anew, rate, epochs, batch, seed, own }) {
  const model = await Model.create();
  model.open(weights);
  const set = own ?? (await loadMnist());
  const trained = own ? set.labels.length : set.labels.length - HELD_OUT;
  model.begin(anew, rate, seed);
  let sent = performance.now();
  for (let epoch = 1; epoch <= epochs && !stopped; epoch++) {
    const order = orderOf(trained, batch);
    for (let i = 0; i < order.length && !stopped; i += batch) {
      const { images, labels } = gather(set, order.slice(i, i + batch));
      const begun = performance.now();
      const { loss, right } = model.step(images, labels);
      if (!Number.isFinite(loss))
        throw new Error('The loss is no number any more: try a smaller learning rate.');
      const filters = model.weight(0).slice();
      self.postMessage({
        step: { loss, right, count: labels.length, filters, ms: performance.now() - begun },
      });
      if (performance.now() - sent > BETWEEN_WEIGHTS) {
        sendWeights(model);
        sent = performance.now();
      }
      await pause();
    }
    if (!stopped) {
      const accuracy = own
        ? accuracyOf(model, set, 0, trained)
        : accuracyOf(model, set, trained, set.labels.length);
      self.postMessage({ epoch: { epoch, accuracy, heldOut: !own } });
    }
  }
  sendWeights(model);
  self.postMessage({ done: true });
}
