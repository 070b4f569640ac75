import type { MethodDefinition } from '@grpc/grpc-js';

const same = (bytes: Buffer): Buffer => bytes;

/** The one call that the endpoints of these tests answer, with their name. */
export const say: MethodDefinition<Buffer, Buffer> = {
  path: '/nftproxy.test.Echo/Say',
  requestStream: false,
  responseStream: false,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
};
