/**
 * Light or dark: as the system has it, until the visitor chooses. index.html sets the first.
 */
const KEY = 'fovea-theme';
const system = matchMedia('(prefers-color-scheme: dark)');

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage may be off
  }
}

/** @param button the switch; @param changed called after every change */
export function followTheme(button, changed) {
  const root = document.documentElement;
  const apply = (theme) => {
    root.dataset.theme = theme;
    button.setAttribute('aria-pressed', String(theme === 'dark'));
    changed();
  };
  button.addEventListener('click', () => {
    const theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // then it holds for this visit
    }
    apply(theme);
  });
  system.addEventListener('change', () => {
    if (!stored()) apply(system.matches ? 'dark' : 'light');
  });
  button.setAttribute('aria-pressed', String(root.dataset.theme === 'dark'));
}
