# syntax=docker/dockerfile:1
# Development uses the same Node.js: see "node" in package.json.
FROM node:24.21.0-bookworm-slim AS packages
WORKDIR /nftproxy
COPY package.json package-lock.json .npmrc ./
# Declarations and source maps are more than half of what packages bring, and nothing reads them at run time.
RUN npm ci --omit=dev \
  && find node_modules -type f \( -name '*.ts' -o -name '*.cts' -o -name '*.mts' -o -name '*.map' \) -delete

FROM node:24.21.0-bookworm-slim AS program
WORKDIR /nftproxy
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY nest-cli.json tsconfig.json tsconfig.build.json ./
COPY src src
COPY scripts/bundle.ts scripts/bundle.ts
COPY crds crds
# Whoever checks out with a strict umask still gets an image that its user can read.
RUN node --run build && find dist -type f -name '*.map' -delete && chmod -R a+rX package.json crds dist

# HAProxy for agents in mode userspace, in a container of its own beside them: `docker build --target haproxy`. Of Debian
# 13, whose HAProxy is 3.0 and gets Debian's repairs; the Debian of the other stages has 2.6. It needs no right at all.
FROM debian:trixie-slim AS haproxy
RUN apt-get update && apt-get install -y --no-install-recommends haproxy=3.0.* && rm -rf /var/lib/apt/lists/*
USER 1000:1000
ENTRYPOINT ["haproxy"]

# One image for operator and agent. The agent programs the kernel over netlink: no nft and no shell tools are needed. Mode
# iptables writes by the programs of Debian's package, which has both variants: a node's own must be met. Operators run as the user below without any capability; the agents' DaemonSet runs as root with NET_ADMIN
# alone, as only root gets a capability that a container is given.
FROM node:24.21.0-bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends iptables && rm -rf /var/lib/apt/lists/*
WORKDIR /nftproxy
COPY --from=packages /nftproxy/node_modules node_modules
COPY --from=program /nftproxy/package.json ./
COPY --from=program /nftproxy/crds crds
COPY --from=program /nftproxy/dist dist
USER 1000:1000
ENV NODE_ENV=production
ENTRYPOINT ["node", "/nftproxy/dist/main.js"]
