# syntax=docker/dockerfile:1

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY console/package.json ./console/
RUN npm ci
COPY tsconfig.json tsconfig.build.json mikro-orm.config.ts ./
COPY build ./build
COPY src ./src
COPY console ./console
# The `node` package serves machines with an older Node. This image has the right one; removing the package saves 120 MB.
RUN npm run build \
  && npm prune --omit=dev \
  && rm -rf node_modules/node node_modules/.bin/node

FROM node:24-slim
# docker build --build-arg BUILD_COMMIT=$(git rev-parse --short HEAD)
ARG BUILD_COMMIT
ENV NODE_ENV=production \
    DATA_DIR=/data \
    BUILD_COMMIT=$BUILD_COMMIT
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/console/dist ./console/dist
# The only folder the server writes to, so the rest may be mounted read-only.
RUN mkdir /data && chown node:node /data
VOLUME /data
USER node
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 4000) + '/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Started without npm, which would not pass signals on to the server.
CMD ["node", "dist/server/main.js"]
