# nginx: the site as a template for ./dev, and filled in for production; and the page of the API.
nginxdir = $(pkgdatadir)/nginx
dist_nginx_DATA = nginx/fastcgi_offhook.conf nginx/offhook_source.conf
nodist_nginx_DATA = nginx/offhook.conf
EXTRA_DIST += nginx/offhook.conf.in nginx/docs/page.jq
CLEANFILES += nginx/offhook.conf nginx/docs/index.html

docsdir = $(pkgdatadir)/docs
dist_docs_DATA = nginx/docs/docs.css
nodist_docs_DATA = nginx/docs/index.html

# From the routes' own tables, so that the page says what the programs do.
nginx/docs/index.html: print-openapi$(EXEEXT) $(srcdir)/nginx/docs/page.jq
	$(AM_V_GEN)$(MKDIR_P) nginx/docs && ./print-openapi >$@.json && \
		$(JQ) -rf $(srcdir)/nginx/docs/page.jq $@.json >$@.md && \
		$(CMARK_GFM) --unsafe -e table $@.md >$@.new && rm -f $@.json $@.md && mv $@.new $@

nginx/offhook.conf: $(srcdir)/nginx/offhook.conf.in Makefile
	$(AM_V_GEN)$(MKDIR_P) nginx && $(SED) \
		-e 's|@listen@|listen 443 ssl http2; listen [::]:443 ssl http2;|' \
		-e 's|@server_name@|_|' \
		-e 's|@certificate@|$(sysconfdir)/offhook/tls/fullchain.pem|' \
		-e 's|@certificate_key@|$(sysconfdir)/offhook/tls/privkey.pem|' \
		-e 's|@api_socket@|/run/offhook/api.sock|' \
		-e 's|@carrier_socket@|/run/offhook/carrier.sock|' \
		-e 's|@events_socket@|/run/offhook/events.sock|' \
		-e 's|@voice_socket@|/run/offhook/voice.sock|' \
		-e 's|@listen_dir@|/run/offhook-voice|' \
		-e 's|@source_params@|$(nginxdir)/offhook_source.conf|' \
		-e 's|@resolver@|127.0.0.1|' \
		-e 's|@authorities@|/etc/ssl/certs/ca-certificates.crt|' \
		-e 's|@data_dir@|/var/lib/offhook|' \
		-e 's|@docs_dir@|$(docsdir)|' \
		-e 's|@requests_per_second@|200|' \
		-e 's|@burst@|400|' \
		-e 's|@log_dir@|/var/log/nginx|' \
		-e 's|@fastcgi_params@|$(nginxdir)/fastcgi_offhook.conf|' \
		-e 's|@metrics_allow@|$(sysconfdir)/offhook/nginx-metrics*.conf|' \
		$(srcdir)/nginx/offhook.conf.in >$@.new && mv $@.new $@
