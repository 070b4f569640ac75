import { Inject, Injectable } from '@nestjs/common';
import { ContextIdFactory, ModuleRef } from '@nestjs/core';
import { ControlLoop } from './control-loop.ts';
import type { Term } from './term.ts';

/** Makes terms: each with caches, queues and reconcilers of its own (see `perTerm`). */
@Injectable()
export class Terms {
  readonly #modules: ModuleRef;

  constructor(@Inject(ModuleRef) modules: ModuleRef) {
    this.#modules = modules;
  }

  /** A term that has not been started. @throws Error if one of its parts cannot be made */
  next(): Promise<Term> {
    return this.#modules.resolve(ControlLoop, ContextIdFactory.create());
  }
}
