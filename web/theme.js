// Colours: as the system has them, or as somebody chose here. Kept by this browser.
import { at, put } from './text.js';

const kNext = { auto: 'dark', dark: 'light', light: 'auto' };
let theme = 'auto';

function show() {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  put(at('theme'), `Theme: ${theme}`);
}

export function startTheme() {
  try {
    theme = kNext[localStorage.getItem('weir-theme')] ? localStorage.getItem('weir-theme') : 'auto';
  } catch {} // no storage: chosen anew each time
  show();
  at('theme').addEventListener('click', () => {
    theme = kNext[theme];
    try {
      localStorage.setItem('weir-theme', theme);
    } catch {}
    show();
  });
}
