/**
 * The chain of kernels.c as a function: picture, kernel and settings in, the stages' maps out.
 */
const BORDERS = ['zeros', 'reflect', 'replicate'];
const PADDINGS = ['valid', 'same', 'full'];
const POOLS = ['none', 'max', 'average'];

// Fields of 4 bytes, in the order of the structs `chain` and `map`.
const CHAIN =
  'planes height width kernel bias padding border stride dilation relu pool poolSize poolStride'.split(
    ' ',
  );
const MAP_FIELDS = 6;
const STAGES = ['padded', 'convolved', 'result'];

export class KernelLibrary {
  /** @param module the page's WebAssembly, with kernels.c */
  constructor(module) {
    this.module = module;
  }

  /**
   * @param chain { kernel, weights, bias, padding, border, stride, dilation, relu, pool, poolSize,
   *   poolStride }: the kernel's side and numbers; the words are those above
   * @param picture { planes, height, width, data }, a Float32Array
   * Throws a sentence when there is no memory.
   *
   * @returns { error, padded, convolved, result }: error is null or a sentence; each
   *   stage is { height, width, low, high, mean, data }. After an error those before it have sizes.
   */
  run(chain, picture) {
    this.#write(chain, picture);
    const place = this.module._kernels_picture(picture.data.length);
    if (!place) throw new Error('there is not enough memory for this picture');
    this.module.HEAPF32.set(picture.data, place >> 2);
    return this.#maps(this.module._kernels_run(), picture.planes);
  }

  #write(chain, picture) {
    const values = {
      ...chain,
      planes: picture.planes,
      height: picture.height,
      width: picture.width,
      padding: PADDINGS.indexOf(chain.padding),
      border: BORDERS.indexOf(chain.border),
      relu: chain.relu ? 1 : 0,
      pool: POOLS.indexOf(chain.pool),
    };
    const at = this.module._kernels_chain() >> 2;
    CHAIN.forEach((name, i) => {
      const heap = name === 'bias' ? this.module.HEAPF32 : this.module.HEAP32;
      heap[at + i] = values[name];
    });
    this.module.HEAPF32.set(chain.weights, this.module._kernels_weights() >> 2);
  }

  #maps(message, planes) {
    const maps = { error: message ? this.module.UTF8ToString(message) : null };
    const { HEAP32, HEAPF32 } = this.module; // after the run, which may have moved them
    const first = this.module._kernels_maps() >> 2;
    STAGES.forEach((stage, i) => {
      const at = first + i * MAP_FIELDS;
      const [height, width] = HEAP32.subarray(at, at + 2);
      const [low, high, mean] = HEAPF32.subarray(at + 2, at + 5);
      const data = HEAP32[at + 5] >>> 2;
      maps[stage] = {
        height,
        width,
        low,
        high,
        mean,
        data: HEAPF32.slice(data, data + (data && planes * height * width)),
      };
    });
    return maps;
  }
}
