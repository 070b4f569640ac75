# syntax=docker/dockerfile:1
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY nest-cli.json tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && npm prune --omit=dev

# One image for operator and agent. The agent programs the kernel over netlink: no nft, no iptables and no shell tools
# are needed. Operators run as the user below without any capability; the agents' DaemonSet runs as root with NET_ADMIN
# alone, as only root gets a capability that a container is given.
FROM node:24-bookworm-slim
WORKDIR /nftproxy
COPY --from=build /src/package.json ./
COPY --from=build /src/node_modules node_modules
COPY --from=build /src/dist dist
USER 1000:1000
ENV NODE_ENV=production
ENTRYPOINT ["node", "/nftproxy/dist/main.js"]
