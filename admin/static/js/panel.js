// Every page's behaviour, by part. No inline handler, no eval: the strict policy of the page holds.
import './theme.js';
import './menus.js';
import './tables.js';
import './selecting.js';
import './keys.js';
import './story.js';
import './dialogs.js';
import './acts.js';
import './later.js';
import './times.js';
import './live.js';
import './keep.js';
import './compose.js';
import './uploads.js';

document.dispatchEvent(new Event('scripts-ready'));
