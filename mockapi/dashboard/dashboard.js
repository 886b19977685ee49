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

let busy = false;
let again = false;

// refresh fetches what is new. Calls while one is under way become one more.
async function refresh() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  try {
    const response = await fetch('dashboard/live' + location.search, { signal: AbortSignal.timeout(patience) });
    if (!response.ok) throw new Error(response.statusText);
    const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
    for (const element of fresh.querySelectorAll('[data-live]')) morph($(element.id), element);
    say($('announce'), $('alerts').dataset.announce, 'hidden');
    say($('connection'), 'Live.', 'pass');
  } catch {
    say($('connection'), `Disconnected, last seen ${$('at').querySelector('time').textContent} UTC. Trying again.`, 'fail');
  } finally {
    busy = false;
  }
  if (again) {
    again = false;
    refresh();
  }
}

let heard = Date.now();

// listen follows the monitor, which tells once a second what it has collected.
function listen() {
  const source = new EventSource('api/v1/performance/realtime');
  source.addEventListener('metric', () => {
    heard = Date.now();
    if (!document.hidden) refresh();
  });
  source.onerror = () => {
    refresh();
    // The browser tries again by itself unless the server has refused.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, patience);
  };
}

setInterval(() => {
  if (!document.hidden && Date.now() - heard > silence) refresh();
}, silence);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) refresh();
});
refresh();
listen();

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
    if (!button.isConnected) $('control').focus(); // it went with its rule
  });
});

$('unlock').hidden = token() !== '';

// ---- What this page costs its own readers, told as any page of MediaNest would tell it

function observe(type, each) {
  if (PerformanceObserver.supportedEntryTypes.includes(type)) {
    new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true });
  }
}

const visit = crypto.randomUUID?.() ?? String(Math.random()); // randomUUID is for secure contexts
let largest = null;
let shifted = 0;
observe('largest-contentful-paint', (entry) => { largest = entry.startTime; });
observe('layout-shift', (entry) => { if (!entry.hadRecentInput) shifted += entry.value; });

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
  if (document.hidden) report({ CLS: shifted });
}, { once: true });
