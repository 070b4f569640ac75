# syntax=docker/dockerfile:1
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY nest-cli.json tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && npm prune --omit=dev

FROM node:24-bookworm-slim
# The agent programs the kernel over netlink: no nft, no iptables, no shell tools are needed. setcap gives the node
# binary the one capability it uses when the agent runs as another user than root; the container must grant it.
WORKDIR /nftproxy
COPY --from=build /src/package.json ./
COPY --from=build /src/node_modules node_modules
COPY --from=build /src/dist dist
COPY crds crds
USER 1000:1000
ENV NODE_ENV=production
ENTRYPOINT ["node", "/nftproxy/dist/main.js"]
