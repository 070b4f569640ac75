import type { ConfigOverview } from '../config.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { countsView, stagesView } from './rollout-view.ts';
import { ago, badge } from './words.ts';

/** A ProxyConfig: is it Ready, why not, how far is it, which nodes are in the way, and all that the operator says. */
export function configView(config: ConfigOverview, now: string): Html {
  const { name, why, rollout, nodes, troubles, conditions, generation } = config;
  return html`<article class="card ${lookOf(config)}">
    <h3>${name} ${badge(lookOf(config), verdict(config))} <small>generation ${generation}</small></h3>
    <p class="why"><bdi>${why}</bdi></p>
    ${troubles.map(({ type, reason, message }) => html`<p class="trouble"><b>${type}: ${reason}</b> <bdi>${message}</bdi></p>`)}
    ${rollout && stagesView(rollout, now)} ${nodes && countsView(nodes)} ${namedView(config)}
    ${conditions.length === 0 ? undefined : conditionsView(config, now)}
  </article>`;
}

function lookOf({ ready, troubles, conditions }: ConfigOverview): 'good' | 'degraded' | 'failing' | 'waiting' {
  if (ready) return troubles.length === 0 ? 'good' : 'degraded';
  const isBad = conditions.some(({ type, status }) =>
    type === 'Ready' ? status === 'False' : isStalled(type, status),
  );
  return isBad ? 'failing' : 'waiting';
}

function isStalled(type: string, status: string): boolean {
  return type === 'Stalled' && status === 'True';
}

function verdict({ ready, conditions }: ConfigOverview): string {
  if (ready) return 'Ready';
  return conditions.some(({ type, status }) => isStalled(type, status)) ? 'Stalled' : 'Not ready';
}

function namedView({ named }: ConfigOverview): Html | undefined {
  if (named.length === 0) return undefined;
  const rows = named.map(
    ({ list, name, reason, message }) =>
      html`<li><b>${name}</b> <span class="quiet">${list}</span> ${reason}: <bdi>${message}</bdi></li>`,
  );
  return html`<ul class="nodes" aria-label="Nodes in the way">
    ${rows}
  </ul>`;
}

function conditionsView({ name, conditions }: ConfigOverview, now: string): Html {
  const rows = conditions.map(
    ({ type, status, reason, message, lastTransitionTime }) =>
      html`<tr>
        <th scope="row">${type}</th>
        <td>${status}</td>
        <td>${reason}</td>
        <td><bdi>${message}</bdi></td>
        <td class="time">${ago(lastTransitionTime, now)}</td>
      </tr>`,
  );
  return html`<details id="conditions-${name}">
    <summary>Conditions</summary>
    <div class="wide" tabindex="0" role="region" aria-label="Conditions of ${name}">
      <table>
        <thead>
          <tr>
            <th scope="col">Type</th>
            <th scope="col">Status</th>
            <th scope="col">Reason</th>
            <th scope="col">Message</th>
            <th scope="col">Since</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
  </details>`;
}
