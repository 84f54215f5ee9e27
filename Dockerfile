# The server without its embedded PostgreSQL: DATABASE_URL says where one is. What is installed is the npm package that a release publishes.
FROM node:26.10.0-bookworm-slim AS build
WORKDIR /build
COPY . .
RUN npm ci && npm pack --pack-destination /

FROM node:26.10.0-bookworm-slim
ARG VERSION=dev
LABEL org.opencontainers.image.title="Carillon" \
      org.opencontainers.image.description="A notification server: one typed GraphQL endpoint to send, look and watch." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version=$VERSION
WORKDIR /app
RUN --mount=type=bind,from=build,source=/,target=/built \
    npm install --omit=optional --no-update-notifier --cache /tmp/npm /built/carillon-*.tgz && rm -rf /tmp/npm && \
    install -d -o node node_modules/carillon/node_modules/.cache/carillon
ENV HOST=0.0.0.0
USER node
# Compiles what a start loads, once for all containers.
RUN node_modules/.bin/carillon start --help > /dev/null
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 4000}/health`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node_modules/.bin/carillon"]
