import { Inject, Injectable } from '@nestjs/common';
import { perTerm } from '../injection.ts';
import { Parking } from '../kube-proxy/index.ts';
import { Cleanup } from './cleanup.ts';

/** What is decided beside rollouts, once their plans are made. */
@Injectable(perTerm)
export class SideWork {
  readonly cleanup: Cleanup;
  readonly parking: Parking;

  constructor(@Inject(Cleanup) cleanup: Cleanup, @Inject(Parking) parking: Parking) {
    this.cleanup = cleanup;
    this.parking = parking;
  }
}
