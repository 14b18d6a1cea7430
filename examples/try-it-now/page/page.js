/** The page: one demo from the click to its end, in three states: idle, waiting, running. */

const at = (id) => document.getElementById(id);
const [start, leave, extend, end] = ['start', 'leave', 'extend', 'end'].map(at);
const [title, left, share, frame, message] = ['title', 'left', 'share', 'frame', 'message'].map(at);

/** Where a demo that runs is remembered: whoever comes back finds it again. */
const KEPT = 'demo-ticket';
/** When what is left is said aloud, in seconds. */
const SAID_AT = [300, 60, 30, 10];

/** What a visitor is told, by the code of a refusal. */
const sentences = {
  'line-full': 'Very many are waiting just now. Please try again in a few minutes.',
  'wait-over': 'None became free in time. Please try again, or come back later.',
  'ttl-too-long': 'That is as long as a demo can last for now.',
  'claim-over': 'This demo has ended.',
  'claim-not-found': 'This demo has ended.',
  'rate-limited': 'Too many clicks at once. Please wait a moment.',
};
const usual = 'Demos are not available at the moment. Please try again in a few minutes.';
const sentenceOf = (code) => sentences[code] ?? usual;

let watching; // the events of the demo that runs
let asking; // aborts an ask that waits
let ticket; // of the demo that runs
let longest = 1; // the most that was left of it, in seconds
let said; // what was last said aloud of what is left
let isAway = false; // whether the server is not heard

function show(state) {
  for (const part of document.querySelectorAll('[data-in]')) {
    part.hidden = !part.dataset.in.split(' ').includes(state);
  }
  document.body.dataset.state = state;
}

function say(text, isBad = false) {
  if (message.textContent !== text) message.textContent = text;
  message.classList.toggle('is-bad', isBad);
}

/** Back to the button. */
function rest(text, isBad) {
  watching?.close();
  asking?.abort();
  watching = asking = ticket = undefined;
  localStorage.removeItem(KEPT);
  frame.removeAttribute('src');
  document.title = 'Try the Corner Shop';
  show('idle');
  say(text, isBad);
  start.focus();
}

/** Asks for a demo, and waits in line where none is ready. */
start.addEventListener('click', async () => {
  asking = new AbortController();
  const { signal } = asking;
  at('place').textContent = 'One moment…';
  at('eta').textContent = '';
  say('');
  show('waiting');
  leave.focus();
  try {
    const answer = await fetch('/demo', { method: 'POST', signal });
    for await (const [event, data] of eventsIn(answer)) {
      if (event === 'place') place(data);
      if (event === 'refused') return rest(sentenceOf(data.code), true);
      if (event === 'demo') return run(data);
    }
    rest(usual, true);
  } catch {
    if (!signal.aborted) rest(usual, true);
  }
});

leave.addEventListener('click', () => rest('You have left the line.'));

function place({ position, waiting, etaSeconds }) {
  const first = position === 1 ? 'You are next' : `You are number ${position} of ${waiting}`;
  at('place').textContent = first;
  const eta = etaSeconds === undefined ? '' : `About ${spanOf(etaSeconds)} to go. `;
  at('eta').textContent = `${eta}All demos are taken; yours comes as soon as one is free.`;
  say(`${first} in line.`);
}

/** Shows a demo that was given, and what is left of it. */
function run(demo) {
  asking = undefined;
  ticket = demo.ticket;
  longest = demo.remainingSeconds;
  said = undefined;
  localStorage.setItem(KEPT, ticket);
  at('open').href = demo.url;
  frame.src = demo.url;
  show('running');
  title.focus();
  say('Your demo is ready.');
  count(demo);
  watch();
}

/** Follows the demo of the ticket. A stream that breaks is begun anew by the browser. */
function watch() {
  watching?.close();
  watching = new EventSource(`/demo/${ticket}`);
  watching.addEventListener('demo', ({ data }) => {
    const demo = JSON.parse(data);
    if (frame.hidden) return run(demo);
    if (isAway) say('Connected again.');
    isAway = false;
    count(demo);
  });
  watching.addEventListener('over', () => rest('Your demo has ended. Thank you for trying it.'));
  watching.addEventListener('refused', away);
  watching.onerror = ({ target }) => {
    away();
    // By itself the browser asks again where a stream ended, not where something else was answered.
    const isGivenUp = target.readyState === EventSource.CLOSED;
    if (isGivenUp) setTimeout(() => target === watching && watch(), 2_000);
  };
}

function away() {
  isAway = true;
  if (!frame.hidden) say('No connection. Your demo goes on; trying again…', true);
}

function count({ remainingSeconds: seconds }) {
  longest = Math.max(longest, seconds);
  left.textContent = clockOf(seconds);
  share.value = seconds / longest;
  document.title = `${clockOf(seconds)} · Corner Shop`;
  document.body.classList.toggle('is-short', seconds <= 60);
  const mark = SAID_AT.findLast((each) => seconds <= each);
  if (mark !== undefined && mark !== said && longest > mark) say(`${spanOf(mark)} left.`);
  said = mark;
}

extend.addEventListener('click', async () => {
  const answer = await order('POST', '/extend');
  if (answer.code === undefined) {
    count(answer);
    say(`Your demo goes on for ${spanOf(answer.remainingSeconds)}.`);
    return;
  }
  say(sentenceOf(answer.code), true);
});

end.addEventListener('click', async () => {
  const { code } = await order('DELETE');
  if (code === undefined || code === 'claim-not-found') rest('Your demo has ended. Thank you.');
  else say(sentenceOf(code), true);
});

async function order(method, what = '') {
  try {
    return await (await fetch(`/demo/${ticket}${what}`, { method })).json();
  } catch {
    return { code: 'unavailable' };
  }
}

/** Events of an answer, as they come. EventSource asks by GET alone, and again by itself. */
async function* eventsIn({ body }) {
  let text = '';
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop();
    for (const block of blocks) {
      const [, event, data] = /^event: (.+)\ndata: (.+)$/.exec(block) ?? [];
      if (event) yield [event, JSON.parse(data)];
    }
  }
}

const clockOf = (seconds) =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;

function spanOf(seconds) {
  const minutes = Math.round(seconds / 60);
  if (seconds >= 90) return `${minutes} minutes`;
  return seconds > 55 ? 'a minute' : `${Math.max(1, Math.ceil(seconds))} seconds`;
}

ticket = localStorage.getItem(KEPT) ?? undefined;
show('idle');
if (ticket) watch();
