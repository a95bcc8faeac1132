package pier;

import io.javalin.Javalin;
import java.security.MessageDigest;
import java.time.Instant;
import java.time.ZoneId;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Map;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

public class Pier {
    public static void main(String[] arguments) {
        Javalin app = Javalin.create(config -> config.showJavalinBanner = false);
        app.get("/", context -> context.json(Map.of("ok", true)));
        app.get("/pier/{name}", context -> context.result("pier " + context.pathParam("name")));
        app.get("/zone", context -> context.result(Instant.EPOCH.atZone(ZoneId.of("Asia/Tokyo")).toString()));
        app.get("/digest", context -> context.result(
            HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest("pier".getBytes()))));
        app.get("/number", context -> context.result(String.format(Locale.GERMANY, "%,.2f", 12345.678)));
        app.get("/roots", context -> {
            TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            factory.init((java.security.KeyStore) null);
            context.result("" + ((X509TrustManager) factory.getTrustManagers()[0]).getAcceptedIssuers().length);
        });
        app.start(18118);
    }
}
