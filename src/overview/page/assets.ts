/**
 * Asks for the page again every ten seconds while somebody looks at it, and puts it in the place of the old one; what was
 * opened or closed stays so. Without it the page is the same and stands still.
 */
export const refreshScript = `'use strict';
const toggled = new Map();
document.addEventListener('toggle', ({ target }) => toggled.set(target.id, target.open), true);
const refresh = async () => {
  if (document.hidden || document.getSelection().type === 'Range') return;
  const answer = await fetch('/', { headers: { Accept: 'text/html' } });
  const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const [id, open] of toggled) {
    const details = next.getElementById(id);
    if (details) details.open = open;
  }
  const focused = document.activeElement?.closest('details[id]')?.id;
  document.title = next.title;
  document.body.replaceWith(next.body);
  document.body.classList.remove('stale');
  if (focused) document.getElementById(focused)?.querySelector('summary').focus({ preventScroll: true });
};
const stale = () => document.body.classList.add('stale');
setInterval(() => refresh().catch(stale), 10000);
`;

/** Colours by what they say, for light and dark; one column on a phone. */
export const style = `:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --card: #fff; --ink: #1b1f26; --quiet: #5a6472; --line: #dfe3e9; --trough: #e6e9ee;
  --good: #14733b; --waiting: #1d5fb8; --failing: #b3261e; --silent: #7a3ea8; --uncovered: #9a4a00; --degraded: #7d5700;
  --ignored: #6b7480;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #11151b; --card: #1a2029; --ink: #e7eaef; --quiet: #a3adba; --line: #2d3542; --trough: #2a323e;
    --good: #5fd08c; --waiting: #7fb2ff; --failing: #ff8a80; --silent: #d3a1f5; --uncovered: #ffab66; --degraded: #f2c14e;
    --ignored: #8b95a3;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 76rem; padding: 1.5rem 1.25rem 2rem; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; overflow-wrap: anywhere;
}
body.stale::before {
  content: 'No answer: what you see is old'; display: block; margin-bottom: 1rem; padding: .5rem 1rem; border-radius: 8px;
  border: 2px solid var(--failing); color: var(--failing); font-weight: 600;
}
.brand { margin: 0; color: var(--quiet); font-weight: 600; letter-spacing: .02em; }
h1 { margin: .1rem 0 .2rem; font-size: 1.9rem; line-height: 1.2; letter-spacing: -.01em; }
h1::before { content: ''; display: inline-block; width: .6em; height: .6em; margin-right: .4em; border-radius: 50%; background: currentColor; }
h1.good::before { color: var(--good); } h1.bad::before { color: var(--failing); border-radius: 2px; transform: rotate(45deg); }
h2 { margin: 2rem 0 .7rem; font-size: 1.1rem; }
h3 { display: flex; flex-wrap: wrap; align-items: center; gap: .3rem .6rem; margin: 0 0 .3rem; font-size: 1.15rem; }
h3 small { margin-left: auto; color: var(--quiet); font-weight: 400; font-size: .85rem; }
p { margin: .3rem 0; }
.quiet, time { color: var(--quiet); } .quiet { font-size: .9rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: 1rem; }
.card, .groups, .columns > section, .busiest { min-width: 0; }
.card, .groups details, .columns > section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1rem 1.2rem; }
.card { border-top: 4px solid var(--line); }
.card.good { border-top-color: var(--good); } .card.failing { border-top-color: var(--failing); }
.card.degraded { border-top-color: var(--degraded); } .card.waiting { border-top-color: var(--waiting); }
.badge { padding: .05rem .55rem; border: 1px solid currentColor; border-radius: 99px; font-size: .8rem; font-weight: 600; white-space: nowrap; }
.good { --look: var(--good); } .waiting { --look: var(--waiting); } .failing { --look: var(--failing); }
.silent { --look: var(--silent); } .uncovered { --look: var(--uncovered); } .degraded { --look: var(--degraded); }
.ignored { --look: var(--ignored); }
.badge { color: var(--look); } rect { fill: var(--look); } .dot { background: var(--look); } rect.trough { fill: var(--trough); }
.dot { display: inline-block; flex: none; width: .6rem; height: .6rem; margin-right: .4rem; border-radius: 50%; }
.trouble { padding-left: .7rem; border-left: 3px solid var(--look, var(--failing)); }
.astray { color: var(--failing); }
.stages { display: flex; flex-wrap: wrap; gap: .35rem; margin: .8rem 0 .2rem; padding: 0; list-style: none; font-size: .85rem; }
.stages li { flex: 1 1 4.2rem; padding: .15rem .1rem; white-space: nowrap; border-bottom: 4px solid var(--trough); color: var(--quiet); }
.stages .over { border-color: var(--good); color: var(--ink); } .stages .over::before { content: '✓ '; color: var(--good); }
.stages .present { border-color: var(--waiting); color: var(--ink); font-weight: 700; }
.bar { display: block; width: 100%; height: 14px; margin: .8rem 0 .4rem; border-radius: 7px; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: .3rem 0; padding: 0; list-style: none; font-size: .9rem; }
.groups { display: grid; gap: .6rem; }
.groups details { padding: .6rem 1rem; }
summary { cursor: pointer; border-radius: 6px; } summary:focus-visible, a:focus-visible, .wide:focus-visible { outline: 2px solid var(--waiting); outline-offset: 3px; }
.groups summary { display: flex; flex-wrap: wrap; align-items: center; gap: .3rem .8rem; } .reason { color: var(--quiet); }
.groups summary::before { content: '▸'; color: var(--quiet); } .groups [open] > summary::before { content: '▾'; }
.share { width: 100%; height: 6px; border-radius: 3px; } .groups .share { flex: 1 1 6rem; max-width: 16rem; margin-left: auto; width: auto; }
.nodes { margin: .5rem 0 .2rem; padding-left: 1.2rem; font-size: .92rem; } .nodes li { margin: .15rem 0; }
.names { display: flex; flex-wrap: wrap; gap: .25rem .4rem; margin: .3rem 0 .5rem; color: var(--quiet); }
.names span { padding: 0 .45rem; border: 1px solid var(--line); border-radius: 6px; color: var(--ink); font-size: .85rem; }
.columns { display: grid; grid-template-columns: 2fr 3fr; gap: 1rem; margin-top: 1.5rem; align-items: start; }
.columns h2 { margin-top: 0; }
.wide { overflow-x: auto; }
.card details { margin-top: .7rem; } .card summary { color: var(--quiet); font-size: .9rem; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { padding: .35rem .5rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th:first-child, td:first-child { padding-left: 0; } tbody th { font-weight: 600; } thead th { color: var(--quiet); font-weight: 400; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } .time { white-space: nowrap; }
.changes { margin: 0; padding: 0; list-style: none; }
.changes li { display: flex; align-items: baseline; gap: .3rem; padding: .35rem 0; border-bottom: 1px solid var(--line); font-size: .92rem; }
.changes li:last-child, tbody tr:last-child > * { border-bottom: 0; } .changes time { margin-left: auto; padding-left: .8rem; white-space: nowrap; font-size: .85rem; }
code { padding: .05rem .3rem; background: var(--trough); border-radius: 4px; font-size: .85em; }
a { color: var(--waiting); }
footer { margin-top: 2rem; }
@media (max-width: 46rem) {
  body { padding: 1rem .9rem 1.5rem; } h1 { font-size: 1.5rem; }
  .columns { grid-template-columns: 1fr; }
  .card, .columns > section { padding: .8rem .9rem; }
}
`;
