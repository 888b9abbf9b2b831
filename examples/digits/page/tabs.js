/**
 * Tabs as the ARIA practices have them: arrow keys, Home and End go from tab to tab, and the
 * address (#training) says which is open.
 */
export class Tabs extends EventTarget {
  constructor(list) {
    super();
    this.tabs = Array.from(list.querySelectorAll('[role=tab]'));
    for (const tab of this.tabs) {
      tab.addEventListener('click', () => this.select(tab, true));
      tab.addEventListener('keydown', (event) => this.handleKey(event));
    }
    window.addEventListener('hashchange', () => this.follow());
  }

  /** The tab that the address names, or else the first. */
  follow() {
    const name = location.hash.slice(1);
    const named = this.tabs.find((tab) => tab.getAttribute('aria-controls') === name);
    if (named || !this.selected) this.select(named ?? this.tabs[0], false);
  }

  select(tab, told) {
    this.selected = tab.getAttribute('aria-controls');
    for (const other of this.tabs) {
      const chosen = other === tab;
      other.setAttribute('aria-selected', String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      document.getElementById(other.getAttribute('aria-controls')).hidden = !chosen;
    }
    document.body.dataset.tab = this.selected;
    if (told) history.replaceState(null, '', `#${this.selected}`);
    this.dispatchEvent(new Event('select'));
  }

  handleKey(event) {
    const at = this.tabs.indexOf(event.currentTarget);
    const last = this.tabs.length - 1;
    const to = {
      ArrowLeft: at > 0 ? at - 1 : last,
      ArrowRight: at < last ? at + 1 : 0,
      Home: 0,
      End: last,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.select(this.tabs[to], true);
    this.tabs[to].focus();
  }
}
