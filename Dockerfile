# The gateway itself. Build and run it:
#
#   docker build -t fairlead .
#   docker run -d --name fairlead --network host -v fairlead:/data \
#     -v /var/run/docker.sock:/var/run/docker.sock --group-add "$(stat -c %g /var/run/docker.sock)" \
#     -v ~/.ssh/id_ed25519.pub:/keys:ro -e FAIRLEAD_OPERATOR_KEYS=/keys fairlead
#
# It runs as user 10001. What lets it use the engine is the group that owns the socket, given with --group-add; mind
# that whoever may use the engine's socket may become root on the engine's machine.
# With --network host it reaches the containers it starts and the registries that the engine calls localhost.
#
# BASE: any Debian with Node 24 or newer and npm. `scripts/image` makes one where no public registry can be reached.
ARG BASE=node:24-bookworm-slim

FROM ${BASE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No install scripts: the only one there is builds an optional native addon of ssh2.
RUN npm ci --omit=dev --ignore-scripts

FROM dependencies AS compiled
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build scripts/build
COPY src src
RUN sh scripts/build

FROM ${BASE}
# tini: git leaves housekeeping processes behind, and somebody has to wait for them. haproxy answers for endpoints.
RUN if ! { command -v git && command -v tini && command -v haproxy; } >/dev/null; then \
      apt-get update && apt-get install -y --no-install-recommends git tini haproxy && rm -rf /var/lib/apt/lists/*; \
    fi && \
    useradd --uid 10001 --user-group --home-dir /data --no-create-home --shell /usr/sbin/nologin fairlead && \
    install -d -o fairlead -g fairlead -m 0700 /data
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json LICENSE ./
COPY hooks hooks
COPY stacks stacks
COPY --from=compiled /app/dist dist
ENV NODE_ENV=production FAIRLEAD_DATA=/data FAIRLEAD_SSH=0.0.0.0:2222
USER 10001
VOLUME /data
EXPOSE 2222
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s CMD node dist/healthcheck.js "$FAIRLEAD_SSH"
ENTRYPOINT ["tini", "--", "node", "--max-semi-space-size=4", "dist/main.js"]
