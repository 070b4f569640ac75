import { readFile } from 'node:fs/promises';
import type { Server } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Clock } from './clock.ts';
import { every } from './every.ts';
import { describeError } from './log.ts';

/** Where the certificate of a server is: PEM files, as a Secret of the type kubernetes.io/tls has them. */
export interface CertificateFiles {
  /** The server's certificate, and those between it and its authority. */
  readonly certFile: string;
  readonly keyFile: string;
}

interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** A mounted Secret follows its object within a minute or two; this adds little. */
const rereadMilliseconds = 10_000;

/**
 * A certificate in files that are replaced from time to time, as cert-manager and the kubelet do. A new one is used for
 * the connections that come after it, without a restart; one that cannot be used leaves the last one in use.
 */
export class ServedCertificate {
  readonly #files: CertificateFiles;
  readonly #clock: Clock;
  readonly #onFailure: (error: Error) => void;
  #inUse: KeyPair | undefined;
  #lastFailure: string | undefined;

  /** @param onFailure told why a new certificate is not used; not again while the reason stays the same */
  constructor(files: CertificateFiles, clock: Clock, onFailure: (error: Error) => void) {
    this.#files = files;
    this.#clock = clock;
    this.#onFailure = onFailure;
  }

  /** What the files hold now. @throws Error that names the files, if they cannot be read or do not belong together */
  async read(): Promise<KeyPair> {
    const { certFile, keyFile } = this.#files;
    try {
      const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
      createSecureContext({ cert, key });
      this.#inUse = { cert, key };
      return this.#inUse;
    } catch (error) {
      throw new Error(`the certificate in ${certFile} with the key in ${keyFile} cannot be used`, { cause: error });
    }
  }

  /** Has the server show what the files hold, from now on. Returns what ends it. */
  follow(server: Server): () => void {
    return every(this.#clock, rereadMilliseconds, () => void this.#renew(server));
  }

  async #renew(server: Server): Promise<void> {
    const before = this.#inUse;
    try {
      const { cert, key } = await this.read();
      this.#lastFailure = undefined;
      if (cert !== before?.cert || key !== before.key) server.setSecureContext({ cert, key });
    } catch (error) {
      const message = describeError(error);
      if (message === this.#lastFailure) return;
      this.#lastFailure = message;
      this.#onFailure(new Error(`${message}; the one before stays in use`, { cause: error }));
    }
  }
}
