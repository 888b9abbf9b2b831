/**
 * Where the second tab's pictures come from: drawn here, read from a file, or taken by the camera.
 * All become { planes, height, width, data }: float32 from 0 to 255, one plane of grey or three of
 * colour.
 */
/** A canvas of this size, drawn on by draw(context, width, height). */
function drawn(width, height, draw) {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  draw(canvas.getContext('2d', { willReadFrequently: true }), width, height);
  return canvas;
}

function fill(c, colour, path) {
  c.fillStyle = colour;
  c.beginPath();
  path();
  c.fill();
}

function house(c, w, h) {
  const sky = c.createLinearGradient(0, 0, 0, h);
  sky.addColorStop(0, '#3f7fd0');
  sky.addColorStop(0.75, '#d8e8f4');
  c.fillStyle = sky;
  c.fillRect(0, 0, w, h);
  fill(c, '#fff3b0', () => c.arc(w * 0.82, h * 0.2, h * 0.1, 0, 7));
  fill(c, '#5b8f4a', () => c.ellipse(w * 0.25, h * 0.95, w * 0.5, h * 0.32, 0, 0, 7));
  fill(c, '#3f7436', () => c.ellipse(w * 0.85, h, w * 0.5, h * 0.3, 0, 0, 7));
  fill(c, '#6b4a2f', () => c.rect(w * 0.75, h * 0.5, w * 0.03, h * 0.26));
  for (const [x, y, r] of [
    [0.71, 0.46, 0.09],
    [0.81, 0.44, 0.1],
    [0.76, 0.34, 0.11],
  ])
    fill(c, '#2f6b33', () => c.arc(w * x, h * y, h * r, 0, 7));
  fill(c, '#e8dcc8', () => c.rect(w * 0.2, h * 0.45, w * 0.32, h * 0.36));
  c.fillStyle = '#b9a88c';
  for (let row = 0; row < 9; row++)
    for (let column = 0; column < 8; column++)
      c.fillRect(w * (0.205 + 0.04 * column), h * (0.46 + 0.04 * row), w * 0.033, 1);
  fill(c, '#a8432f', () => {
    c.moveTo(w * 0.16, h * 0.46);
    c.lineTo(w * 0.36, h * 0.2);
    c.lineTo(w * 0.56, h * 0.46);
  });
  fill(c, '#4a3526', () => c.rect(w * 0.32, h * 0.62, w * 0.07, h * 0.19));
  for (const x of [0.235, 0.425]) {
    fill(c, '#2b3f57', () => c.rect(w * x, h * 0.54, w * 0.06, h * 0.1));
    c.fillStyle = '#e8dcc8';
    c.fillRect(w * (x + 0.028), h * 0.54, 2, h * 0.1);
    c.fillRect(w * x, h * 0.585, w * 0.06, 2);
  }
  c.strokeStyle = '#f4f0e6';
  c.lineWidth = 2;
  for (let x = 0; x < w * 0.2; x += 8) c.strokeRect(x, h * 0.76, 4, h * 0.12);
}

function letters(c, w, h) {
  c.fillStyle = '#fff';
  c.fillRect(0, 0, w, h);
  c.fillStyle = '#111';
  c.textAlign = 'center';
  c.textBaseline = 'middle';
  c.font = `bold ${h * 0.5}px Georgia, serif`;
  c.fillText('3 × 3', w / 2, h * 0.36);
  c.font = `${h * 0.16}px Georgia, serif`;
  c.fillText('convolution', w / 2, h * 0.78);
}

// Circles that get finer from the middle out: every direction and every frequency once.
function rings(c, w, h) {
  const image = c.createImageData(w, h);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const r2 = (x - w / 2) ** 2 + (y - h / 2) ** 2;
      image.data.fill(
        127.5 + 127.5 * Math.cos((r2 * Math.PI) / (1.2 * w)),
        4 * (y * w + x),
        4 * (y * w + x) + 3,
      );
      image.data[4 * (y * w + x) + 3] = 255;
    }
  c.putImageData(image, 0, 0);
}

// Steps, a ramp, single points and lines: what each kernel does to them is its signature.
function edges(c, w, h) {
  const ramp = c.createLinearGradient(0, 0, w, 0);
  ramp.addColorStop(0, '#000');
  ramp.addColorStop(1, '#fff');
  c.fillStyle = '#606060';
  c.fillRect(0, 0, w, h);
  c.fillStyle = ramp;
  c.fillRect(0, h * 0.8, w, h * 0.2);
  fill(c, '#e0e0e0', () => c.rect(w * 0.08, h * 0.1, w * 0.25, h * 0.25));
  fill(c, '#e0e0e0', () => c.arc(w * 0.52, h * 0.23, h * 0.14, 0, 7));
  fill(c, '#202020', () => {
    c.moveTo(w * 0.7, h * 0.36);
    c.lineTo(w * 0.8, h * 0.1);
    c.lineTo(w * 0.92, h * 0.36);
  });
  c.fillStyle = '#fff';
  for (let i = 0; i < 8; i++) {
    c.fillRect(w * (0.1 + 0.1 * i), h * 0.44, 1, h * 0.1);
    c.fillRect(w * (0.1 + 0.1 * i), h * 0.6, 1, 1);
    c.fillRect(w * (0.1 + 0.1 * i), h * 0.68, 1 + i, 1 + i);
  }
}

export const BUILT_IN = { house, letters, rings, edges };

/** The shape for a longer side of at most `side`, at least 8 pixels each way. */
function fitted(width, height, side) {
  const scale = Math.min(1, side / Math.max(width, height));
  return [Math.max(8, Math.round(width * scale)), Math.max(8, Math.round(height * scale))];
}

/** A drawable (canvas, bitmap, video) as a canvas whose longer side is at most `side`. */
export function shrunk(source, width, height, side) {
  const [w, h] = fitted(width, height, side);
  return drawn(w, h, (c) => {
    c.fillStyle = '#fff'; // below pictures that are see-through
    c.fillRect(0, 0, w, h);
    c.imageSmoothingQuality = 'high';
    c.drawImage(source, 0, 0, w, h);
  });
}

export function builtIn(name, side) {
  const canvas = drawn(640, 480, BUILT_IN[name]);
  return side >= 640 ? canvas : drawn(side, Math.round(side * 0.75), BUILT_IN[name]);
}

/** Grey is the luma of ITU-R BT.601, as elsewhere in Fovea's examples. */
export function toPlanes(canvas, colour) {
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
  const n = width * height;
  const planes = colour ? 3 : 1;
  const out = new Float32Array(planes * n);
  for (let i = 0; i < n; i++) {
    const [r, g, b] = [data[4 * i], data[4 * i + 1], data[4 * i + 2]];
    if (colour) {
      out[i] = r;
      out[n + i] = g;
      out[2 * n + i] = b;
    } else {
      out[i] = Math.round(0.299 * r + 0.587 * g + 0.114 * b);
    }
  }
  return { planes, height, width, data: out };
}

/** Reads a picture file; throws a sentence. */
export async function fromFile(file) {
  try {
    return await createImageBitmap(file);
  } catch {
    throw new Error(`“${file.name}” is not a picture that this browser can read`);
  }
}

const REFUSALS = {
  NotAllowedError:
    "The camera was refused. The browser's settings for this page can allow it again.",
  NotFoundError: 'No camera was found.',
  NotReadableError: 'The camera is in use by another program.',
};

/** The camera, started by a click and never without one. */
export class Camera {
  #stream = null;
  #video = document.createElement('video');

  get on() {
    return this.#stream !== null;
  }

  /** Calls frame(video) for every picture until stop(); throws a sentence. */
  async start(frame) {
    if (!navigator.mediaDevices)
      throw new Error('The browser gives no camera to pages without https.');
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({
        video: { width: { ideal: 320 }, height: { ideal: 240 }, facingMode: 'environment' },
      });
    } catch (error) {
      throw new Error(REFUSALS[error.name] ?? `The camera cannot be used: ${error.message}`);
    }
    const stream = this.#stream;
    this.#video.srcObject = stream;
    this.#video.muted = true;
    this.#video.playsInline = true;
    await this.#video.play();
    const next = (callback) =>
      this.#video.requestVideoFrameCallback
        ? this.#video.requestVideoFrameCallback(callback)
        : requestAnimationFrame(callback);
    const step = () => {
      if (this.#stream !== stream) return;
      frame(this.#video);
      next(step);
    };
    next(step);
  }

  stop() {
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = null;
    this.#video.srcObject = null;
  }
}
