// The dashboard's script: it puts the newest of what the server writes in place, and works the switches.
'use strict';

const $ = (id) => document.getElementById(id);
const keeper = 'medianest-control-token'; // in sessionStorage, which ends with the tab
const patience = 5000; // ms that an answer may take
const silence = 10000; // ms without a word from the server that are too many

// say changes a text only where it differs: screen readers tell every change.
function say(element, text, verdict) {
  if (element.textContent !== text) element.textContent = text;
  element.className = verdict;
}

// ---- What is new

// morph makes old look like fresh and keeps whatever is the same, so that focus, selection and scrolling stay.
function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.nodeValue = fresh.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const known = new Map();
  for (const child of old.children) if (child.id) known.set(child.id, child);
  let at = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    // What has an id stays itself wherever it goes; the rest goes by its place.
    let same = child.id ? known.get(child.id) : at;
    if (!same || same.nodeName !== child.nodeName || (!child.id && same.id)) {
      old.insertBefore(child, at);
      continue;
    }
    if (same === at) at = at.nextSibling;
    else old.insertBefore(same, at);
    morph(same, child);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

const { title } = document;

// update fetches what is new and puts it in place.
async function update() {
  let text;
  try {
    const response = await fetch('dashboard/live' + location.search, { signal: AbortSignal.timeout(patience) });
    if (!response.ok) throw new Error(response.statusText);
    text = await response.text();
  } catch {
    say($('connection'), `Disconnected, last seen ${$('at').querySelector('time').textContent} UTC. Trying again.`, 'fail');
    document.title = `Disconnected: ${title}`;
    return;
  }
  const focused = document.activeElement;
  const fresh = new DOMParser().parseFromString(text, 'text/html');
  for (const element of fresh.querySelectorAll('[data-live]')) morph($(element.id), element);
  if (!focused.isConnected) $('control').focus(); // its rule has ended
  say($('announce'), $('alerts').dataset.announce, 'hidden');
  say($('connection'), 'Live.', 'pass');
  document.title = title;
}

let running = null; // the update under way
let next = null; // the one after it

// refresh resolves when what was true at the call is in place. Calls during an update share the next one.
function refresh() {
  if (running) {
    next ??= running.catch(() => {}).then(() => {
      next = null;
      return refresh();
    });
    return next;
  }
  running = update().finally(() => { running = null; });
  return running;
}

let heard = Date.now();
let source = null;
let retry = 0;

// listen follows the monitor, which tells once a second what it has collected.
function listen() {
  clearTimeout(retry);
  source?.close();
  const events = new EventSource('api/v1/performance/realtime');
  source = events;
  events.addEventListener('metric', () => {
    heard = Date.now();
    refresh();
  });
  events.onerror = () => {
    refresh();
    // The browser tries again by itself unless the server has refused.
    if (events.readyState === EventSource.CLOSED) retry = setTimeout(listen, patience);
  };
}

// A page that nobody sees holds no connection: a browser has six for each server, and there may be more tabs.
function attend() {
  if (document.hidden) {
    clearTimeout(retry);
    source?.close();
    return;
  }
  refresh();
  listen();
}

setInterval(() => {
  if (!document.hidden && Date.now() - heard > silence) refresh();
}, silence);
document.addEventListener('visibilitychange', attend);
attend();

// ---- Switches

const token = () => sessionStorage.getItem(keeper) ?? '';

// control calls the control API. The token goes into a header, and nowhere else.
async function control(method, path, key) {
  const response = await fetch('admin/' + path, { method, headers: { 'X-Admin-Token': key } });
  const body = await response.json();
  if (response.status === 401) {
    sessionStorage.removeItem(keeper);
    $('unlock').hidden = false;
  }
  if (!response.ok) throw new Error(body.error.message);
}

async function act(done, action) {
  say($('result'), 'Working.', 'soft');
  try {
    await action();
    say($('result'), done, 'pass');
  } catch (error) {
    say($('result'), `It failed: ${error.message}.`, 'fail');
  }
}

$('unlock').addEventListener('submit', (event) => {
  event.preventDefault();
  const key = $('token').value;
  act('The switches are unlocked until this tab is closed.', async () => {
    await control('GET', 'presets', key);
    sessionStorage.setItem(keeper, key);
    $('token').value = '';
    $('control').focus();
    $('unlock').hidden = true;
  });
});

document.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-path]');
  if (!button) return;
  if (!token()) {
    say($('result'), 'Give the control token first.', 'warn');
    $('token').focus();
    return;
  }
  if (button.dataset.confirm && !confirm(button.dataset.confirm)) return;
  const off = button.getAttribute('aria-pressed') === 'true';
  const method = button.dataset.method ?? (off ? 'DELETE' : 'PUT');
  const name = button.textContent;
  act(button.dataset.method ? `Done: ${button.getAttribute('aria-label') ?? name}.` : `${name} is ${off ? 'off' : 'on'}.`, async () => {
    await control(method, button.dataset.path, token());
    await refresh();
  });
});

$('unlock').hidden = token() !== '';

// ---- What this page costs its own readers, told as any page of MediaNest would tell it

function observe(type, each, options) {
  if (PerformanceObserver.supportedEntryTypes.includes(type)) {
    new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true, ...options });
  }
}

const visit = crypto.randomUUID?.() ?? String(Math.random()); // randomUUID is for secure contexts
let largest = null;
let shifted = 0;
observe('largest-contentful-paint', (entry) => { largest = entry.startTime; });
observe('layout-shift', (entry) => { if (!entry.hadRecentInput) shifted += entry.value; });

const slowest = new Map(); // ms of the ten longest interactions, by their id

// interacted notes how long an interaction took: as long as the longest of its events.
function interacted({ interactionId, duration }) {
  if (!interactionId) return;
  slowest.set(interactionId, Math.max(duration, slowest.get(interactionId) ?? 0));
  if (slowest.size > 10) slowest.delete([...slowest].reduce((a, b) => (b[1] < a[1] ? b : a))[0]);
}

observe('event', interacted, { durationThreshold: 16 }); // which is the least
observe('first-input', interacted); // also below that

// interaction is the longest interaction, of each fifty one left out: https://web.dev/articles/inp.
function interaction() {
  const durations = [...slowest.values()].sort((a, b) => b - a);
  return durations[Math.min(durations.length - 1, Math.floor((performance.interactionCount ?? 0) / 50))];
}

// report sends vitals; a value that is not known is not sent.
function report(values) {
  const navigation = performance.getEntriesByType('navigation')[0];
  const vitals = Object.entries(values).filter(([, value]) => value != null)
    .map(([name, value]) => ({ name, value, id: visit, navigationType: navigation?.type, page: location.pathname }));
  if (vitals.length > 0) navigator.sendBeacon('api/v1/performance/rum', JSON.stringify(vitals));
}

addEventListener('load', () => setTimeout(() => {
  report({
    TTFB: performance.getEntriesByType('navigation')[0]?.responseStart,
    FCP: performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
    LCP: largest,
  });
}, 2000)); // by when the page has settled
document.addEventListener('visibilitychange', () => {
  if (document.hidden) report({ CLS: shifted, INP: interaction() });
}, { once: true });
