import { describe, expect, it } from 'vitest';
import { apiErrorOf, parseWatchEvent } from './answers.ts';

const request = { method: 'GET', path: '/api/v1/services' };
const now = Date.parse('2026-01-01T00:00:00Z');

function refusal(header: string | undefined, text = '{"reason":"TooManyRequests"}') {
  return apiErrorOf(request, { code: 429, headers: { 'retry-after': header }, text }, now);
}

describe('when to come back', () => {
  it.each([
    ['after some seconds', '7', 7],
    ['at a time, as proxies say it', 'Thu, 01 Jan 2026 00:00:30 GMT', 30],
    ['at a time that is past', 'Wed, 31 Dec 2025 23:00:00 GMT', 0],
    ['in words that mean nothing', 'later', undefined],
    ['not at all', undefined, undefined],
  ])('is told %s', (_, header, seconds) => {
    expect(refusal(header).retryAfterSeconds).toBe(seconds);
  });

  it('may stand in the Status object instead', () => {
    const text = '{"kind":"Status","reason":"TooManyRequests","details":{"retryAfterSeconds":3}}';
    expect(refusal(undefined, text).retryAfterSeconds).toBe(3);
  });
});

it('an invalid object: the fields at fault are kept', () => {
  const causes = [{ reason: 'FieldValueInvalid', message: 'must be positive', field: 'spec.weight' }];
  const text = JSON.stringify({ kind: 'Status', reason: 'Invalid', message: 'no', details: { causes } });
  expect(apiErrorOf(request, { code: 422, headers: {}, text }, now)).toMatchObject({ status: 422, causes });
});

it('a Status whose fields are not what they should be is read as far as they are', () => {
  const text = '{"reason":7,"message":"no","details":{"causes":{"find":1},"retryAfterSeconds":"soon"}}';
  const error = apiErrorOf(request, { code: 500, headers: {}, text }, now);
  expect(error).toMatchObject({ status: 500, reason: 'Unknown', causes: [], retryAfterSeconds: undefined });
  expect(error.message).toBe('GET /api/v1/services: 500 Unknown: no');
  const event = '{"type":"ERROR","object":{"code":"410","reason":"Expired","details":{"causes":[null,{"field":"a"}]}}}';
  expect(() => parseWatchEvent('/w', event)).toThrow(
    expect.objectContaining({ status: 500, causes: [{ field: 'a' }] }),
  );
});
