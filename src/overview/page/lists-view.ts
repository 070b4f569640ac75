import type { BusyServicePort } from '../busiest.ts';
import type { Change } from '../changes.ts';
import type { NodeGroup } from '../node-groups.ts';
import type { Overview } from '../overview.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { ago, badge, count, lookNames, many } from './words.ts';

/** Nodes by what is to be said of them: groups in trouble are open, and some of each are named. */
export function nodesView({ nodeGroups, nodeCount }: Overview): Html {
  if (nodeCount === 0) return html`<p class="quiet">No node was ever told a ProxyConfig.</p>`;
  return html`<div class="groups">${nodeGroups.map((group) => groupView(group, nodeCount))}</div>`;
}

function groupView({ look, reason, count: size, said }: NodeGroup, all: number): Html {
  const open = look === 'good' ? undefined : html`open`;
  const messages = said.map(
    ({ message, names, count: sayers }) =>
      html`<li>
        <bdi>${message}</bdi>
        <p class="names">${names.map((name) => html`<span>${name}</span> `)}${further(sayers - names.length)}</p>
      </li>`,
  );
  const rest = size - said.reduce((sum, { count: sayers }) => sum + sayers, 0);
  return html`<details id="nodes-${look}-${reason}" ${open}>
    <summary>
      ${badge(look, lookNames[look])} <b>${many(size, 'node')}</b>
      <span class="reason">${reason}</span>${share(look, size / all)}
    </summary>
    <ul class="nodes">
      ${messages}${rest === 0 ? undefined : html`<li class="quiet">in other words: ${further(rest)}</li>`}
    </ul>
  </details>`;
}

function further(size: number): Html | undefined {
  return size === 0 ? undefined : html`and ${count(size)} more: <code>kubectl get nftps -o wide</code>`;
}

/** A bar as long as a part of the whole; what it shows is said beside it. */
function share(look: string, part: number): Html {
  return html`<svg class="share" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
    <rect class="trough" width="100" height="6" />
    <rect class="${look}" width="${Math.max(1, part * 100).toFixed(1)}" height="6" />
  </svg>`;
}

/** Service ports by new connections. */
export function busiestView(busiest: readonly BusyServicePort[]): Html {
  const most = busiest[0]?.connectionsPerSecond ?? 0;
  if (most === 0) return html`<p class="quiet">No node has reported new connections in the last hour.</p>`;
  const rows = busiest.map(
    ({ name, connectionsPerSecond, nodes }) =>
      html`<tr>
        <th scope="row">${name}${share('waiting', connectionsPerSecond / most)}</th>
        <td class="number">${rate(connectionsPerSecond)}</td>
        <td class="number">${count(nodes)}</td>
      </tr>`,
  );
  return html`<table class="busiest">
      <thead>
        <tr>
          <th scope="col">Service port</th>
          <th scope="col" class="number">Connections/s</th>
          <th scope="col" class="number">Nodes</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
    <p class="quiet">At least: each node names its ten busiest, a few times an hour.</p>`;
}

function rate(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(2) : count(Math.round(perSecond));
}

/** What changed last, newest first. */
export function changesView(changes: readonly Change[], now: string): Html {
  if (changes.length === 0) return html`<p class="quiet">Nothing yet.</p>`;
  const rows = changes.map(
    ({ at, about, what, look }) =>
      html`<li>
        <i class="dot ${look}"></i>
        <div><b>${about}</b> <bdi>${what}</bdi></div>
        ${ago(at, now)}
      </li>`,
  );
  return html`<ol class="changes">
    ${rows}
  </ol>`;
}
