import type { ServerResponse } from 'node:http';
import type { Json, JsonObject } from '../json.ts';
import { textOf } from '../json.ts';
import type { Resource } from '../resources.ts';
import { apiVersionOf } from '../resources.ts';
import type { StatusError } from '../status.ts';
import { itemText } from '../view/represent.ts';
import type { Page } from './list.ts';

/** Sends a JSON answer. */
export function sendJson(response: ServerResponse, code: number, body: Json, type = 'application/json'): void {
  const text = JSON.stringify(body);
  response.writeHead(code, { 'content-type': type, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

export function sendText(response: ServerResponse, code: number, text: string): void {
  response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(text);
}

/** Sends an error as a metav1.Status. */
export function sendStatus(response: ServerResponse, error: StatusError): void {
  const seconds = error.details?.['retryAfterSeconds'];
  if (seconds !== undefined) response.setHeader('retry-after', textOf(seconds));
  sendJson(response, error.code, error.toStatus());
}

/** Adds Warning headers (RFC 7234, code 299), which kubectl prints. */
export function addWarnings(response: ServerResponse, warnings: string[]): void {
  const escape = (text: string): string => text.replace(/[\\"]/g, '\\$&');
  if (warnings.length > 0)
    response.setHeader(
      'warning',
      warnings.map((one) => `299 - "${escape(one)}"`),
    );
}

/** ListMeta of a page. */
export function pageMetadata(page: Page): JsonObject {
  return { resourceVersion: page.resourceVersion, continue: page.continue, remainingItemCount: page.remaining };
}

/** Sends a list from the texts kept with its entries, so that a page of thousands costs no serialization. */
export function sendList(response: ServerResponse, resource: Resource, page: Page): void {
  const head = `{"kind":"${resource.kind}List","apiVersion":"${apiVersionOf(resource)}","metadata":${JSON.stringify(pageMetadata(page))},"items":[`;
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write(head);
  const size = 500;
  for (let from = 0; from < page.entries.length; from += size) {
    const texts = page.entries.slice(from, from + size).map((entry) => itemText(resource, entry));
    response.write((from > 0 ? ',' : '') + texts.join(','));
  }
  response.end(']}\n');
}
