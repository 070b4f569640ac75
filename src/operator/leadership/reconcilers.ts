import { Inject, Injectable } from '@nestjs/common';
import { AgentsReconciler } from '../agents/index.ts';
import { Crds } from '../crds/index.ts';
import { perTerm } from '../injection.ts';
import { KubeProxyReconciler } from '../kube-proxy/index.ts';
import { NodeReconciler } from '../rollout/index.ts';
import { RolloutReconciler } from '../status/index.ts';

/** Who brings things in line, by queue. */
@Injectable(perTerm)
export class Reconcilers {
  @Inject(NodeReconciler) readonly nodes!: NodeReconciler;
  @Inject(RolloutReconciler) readonly rollouts!: RolloutReconciler;
  @Inject(AgentsReconciler) readonly agents!: AgentsReconciler;
  @Inject(KubeProxyReconciler) readonly kubeProxy!: KubeProxyReconciler;
  @Inject(Crds) readonly crds!: Crds;
}
