import { Inject, Injectable } from '@nestjs/common';
import { AgentsReconciler } from '../agents/index.ts';
import { Crds } from '../crds/index.ts';
import { perTerm } from '../injection.ts';
import { NodeReconciler } from '../rollout/index.ts';
import { RolloutReconciler } from '../status/index.ts';

/** Who brings things in line, by queue. */
@Injectable(perTerm)
export class Reconcilers {
  readonly nodes: NodeReconciler;
  readonly rollouts: RolloutReconciler;
  readonly agents: AgentsReconciler;
  readonly crds: Crds;

  constructor(
    @Inject(NodeReconciler) nodes: NodeReconciler,
    @Inject(RolloutReconciler) rollouts: RolloutReconciler,
    @Inject(AgentsReconciler) agents: AgentsReconciler,
    @Inject(Crds) crds: Crds,
  ) {
    this.nodes = nodes;
    this.rollouts = rollouts;
    this.agents = agents;
    this.crds = crds;
  }
}
