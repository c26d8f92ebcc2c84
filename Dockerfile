# The image of the service: the program, its production dependencies, a user without rights.
#
#   docker build --tag agreement-service .

# The Node of package.json (devDependencies.node); test/packaging.spec.ts holds the two together.
FROM node:24.21.0-bookworm-slim AS base
WORKDIR /app

# No package runs scripts of its own in either stage: none of them needs to. The one that would do much, `node`, brings
# a second Node into a developer's folder; here the image's own Node is used.
FROM base AS build
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --no-audit --no-fund
COPY .swcrc ./
COPY src src
COPY migrations migrations
COPY gateways gateways
# A strict umask where the sources were checked out would go over into dist and keep the service from reading itself.
RUN npm run build && chmod -R a+rX dist gateways

# Optional ones are the programs of the embedded PostgreSQL (60 MB), which is for development: the image wants a
# DATABASE_URL and says so.
FROM base AS dependencies
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM base AS runtime
ENV NODE_ENV=production
ENV HOST=0.0.0.0
# DATA_DIR: the only folder that the service may write to. A new named volume takes over its owner. In production
# nothing is kept there.
RUN install --directory --owner=1000 --group=1000 --mode=0700 .data
COPY --chmod=0644 package.json ./
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
# Ready ones for SMS_HTTP_TEMPLATE_FILE.
COPY --from=build /app/gateways gateways

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="agreement-service" \
      org.opencontainers.image.description="Obtains a person's agreement and proves it by a one-time code sent to their phone" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# The user `node` by its number: Kubernetes cannot see from a name that it is not root (runAsNonRoot).
USER 1000:1000
EXPOSE 3000
# Liveness: Swarm and its like kill what is unhealthy, and a process that waits for PostgreSQL or is being drained must
# not be killed. Where traffic is routed, ask /health/ready.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "--eval", "fetch('http://127.0.0.1:' + (process.env.PORT || 3000) + '/health/live').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
# No shell and no npm in between: signals reach the service itself, which handles them.
CMD ["node", "dist/main.js"]
