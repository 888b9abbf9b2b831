/**
 * The answer: a bar a class, and words for those who listen, once the pen rests.
 */
const QUIET = 500; // ms without a change, before the answer is read out

export class Bars {
  /** @param list an <ol>; @param live the live region */
  constructor(list, live) {
    this.list = list;
    this.live = live;
    this.rows = [];
    this.best = -1;
  }

  setClasses(names) {
    this.names = names;
    this.rows = names.map((name) => {
      const row = document.createElement('li');
      row.innerHTML =
        '<span class="bar-name"></span>' +
        '<span class="bar-track"><span class="bar-fill"></span></span>' +
        '<span class="bar-value"></span>';
      row.querySelector('.bar-name').textContent = name;
      return {
        row,
        fill: row.querySelector('.bar-fill'),
        value: row.querySelector('.bar-value'),
      };
    });
    this.list.replaceChildren(...this.rows.map(({ row }) => row));
    this.list.classList.toggle(
      'wide',
      names.some((name) => name.length > 2),
    );
    this.clear();
  }

  clear() {
    this.show(null);
  }

  /** @param probabilities of the classes; null: nothing is drawn */
  show(probabilities) {
    this.best = probabilities ? probabilities.indexOf(Math.max(...probabilities)) : -1;
    this.rows.forEach(({ row, fill, value }, i) => {
      const p = probabilities ? probabilities[i] : 0;
      fill.style.transform = `scaleX(${p})`;
      value.textContent = probabilities ? percent(p) : '';
      row.classList.toggle('best', i === this.best);
    });
    this.speak(probabilities ? probabilities[this.best] : 0);
  }

  speak(p) {
    clearTimeout(this.timer);
    const words = this.best < 0 ? 'Nothing drawn yet.' : `${this.names[this.best]}, ${percent(p)}`;
    this.timer = setTimeout(() => {
      if (this.live.textContent !== words) this.live.textContent = words;
    }, QUIET);
  }
}

export function percent(p) {
  return `${(100 * p).toFixed(1)} %`;
}
