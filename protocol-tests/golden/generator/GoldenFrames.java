// Writes one frame per API, version and case, encoded by Kafka's own message classes. See README.md.

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.InputStream;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.zip.CRC32;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.MessageSizeAccumulator;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.record.internal.MemoryRecords;

public final class GoldenFrames {
    /** The APIs that are served; their versions are the stable ones of the jar. */
    private static final ApiKeys[] SERVED = {
        ApiKeys.PRODUCE, ApiKeys.FETCH, ApiKeys.LIST_OFFSETS, ApiKeys.METADATA, ApiKeys.OFFSET_COMMIT,
        ApiKeys.OFFSET_FETCH, ApiKeys.FIND_COORDINATOR, ApiKeys.JOIN_GROUP, ApiKeys.HEARTBEAT, ApiKeys.LEAVE_GROUP,
        ApiKeys.SYNC_GROUP, ApiKeys.DESCRIBE_GROUPS, ApiKeys.LIST_GROUPS, ApiKeys.SASL_HANDSHAKE, ApiKeys.API_VERSIONS,
        ApiKeys.CREATE_TOPICS, ApiKeys.DELETE_TOPICS, ApiKeys.DELETE_RECORDS, ApiKeys.INIT_PRODUCER_ID,
        ApiKeys.OFFSET_FOR_LEADER_EPOCH, ApiKeys.DESCRIBE_ACLS, ApiKeys.CREATE_ACLS, ApiKeys.DELETE_ACLS, ApiKeys.DESCRIBE_CONFIGS, ApiKeys.ALTER_CONFIGS,
        ApiKeys.DESCRIBE_LOG_DIRS, ApiKeys.SASL_AUTHENTICATE, ApiKeys.CREATE_PARTITIONS, ApiKeys.DELETE_GROUPS,
        ApiKeys.ELECT_LEADERS, ApiKeys.INCREMENTAL_ALTER_CONFIGS, ApiKeys.ALTER_PARTITION_REASSIGNMENTS, ApiKeys.LIST_PARTITION_REASSIGNMENTS, ApiKeys.OFFSET_DELETE, ApiKeys.DESCRIBE_CLIENT_QUOTAS, ApiKeys.ALTER_CLIENT_QUOTAS, ApiKeys.DESCRIBE_USER_SCRAM_CREDENTIALS, ApiKeys.ALTER_USER_SCRAM_CREDENTIALS, ApiKeys.DESCRIBE_QUORUM, ApiKeys.UPDATE_FEATURES, ApiKeys.DESCRIBE_CLUSTER,
        ApiKeys.DESCRIBE_PRODUCERS, ApiKeys.UNREGISTER_BROKER, ApiKeys.DESCRIBE_TRANSACTIONS, ApiKeys.LIST_TRANSACTIONS, ApiKeys.LIST_CONFIG_RESOURCES, ApiKeys.DESCRIBE_TOPIC_PARTITIONS,
    };

    /** Error codes that exist, so that a typed reader can hold them. */
    private static final short[] ERRORS = {3, 6, 29, 74};

    /** Everything set; nothing set that may be null or left out; no array elements either. */
    private enum Case { FULL, BARE, EMPTY }

    private static final int CORRELATION_ID = 0x01020304;
    private static final ObjectMapper JSON =
        new ObjectMapper().configure(JsonParser.Feature.ALLOW_COMMENTS, true);

    public static void main(String[] args) throws Exception {
        try (PrintStream out = new PrintStream(args[0], StandardCharsets.US_ASCII)) {
            for (ApiKeys api : SERVED) {
                for (short v = api.oldestVersion(); v <= api.latestVersion(false); v++) {
                    for (Case which : Case.values()) {
                        out.println(line("request", api, v, which));
                        out.println(line("response", api, v, which));
                    }
                }
            }
        }
    }

    private static String line(String direction, ApiKeys api, short version, Case which) throws Exception {
        boolean request = direction.equals("request");
        ApiMessage header = request
            ? new RequestHeaderData().setRequestApiKey(api.id).setRequestApiVersion(version)
                .setCorrelationId(CORRELATION_ID).setClientId("golden")
            : new ResponseHeaderData().setCorrelationId(CORRELATION_ID);
        short headerVersion = request ? api.requestHeaderVersion(version) : api.responseHeaderVersion(version);
        String name = api.name + (request ? "Request" : "Response");
        ApiMessage body = new Filler(name, version, which).message();
        String hex = HexFormat.of().formatHex(frame(header, headerVersion, body, version));
        String caseName = which.name().toLowerCase(Locale.ROOT);
        return String.join(" ", direction, api.name, Short.toString(version), caseName, hex);
    }

    private static byte[] frame(ApiMessage header, short headerVersion, ApiMessage body, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        MessageSizeAccumulator size = new MessageSizeAccumulator();
        header.addSize(size, cache, headerVersion);
        body.addSize(size, cache, version);
        ByteBuffer buffer = ByteBuffer.allocate(4 + size.totalSize());
        buffer.putInt(size.totalSize());
        ByteBufferAccessor writer = new ByteBufferAccessor(buffer);
        header.write(writer, cache, headerVersion);
        body.write(writer, cache, version);
        if (buffer.hasRemaining()) throw new IllegalStateException(buffer.remaining() + " bytes too many");
        return buffer.array();
    }

    /** Fills a message by its schema: every field that the version has, with a value that depends on its path. */
    private static final class Filler {
        private final String name;
        private final short version;
        private final Case which;
        private final Class<?> top;
        private final JsonNode schema;
        private final Map<String, JsonNode> commonStructs = new HashMap<>();

        Filler(String name, short version, Case which) throws Exception {
            this.name = name;
            this.version = version;
            this.which = which;
            this.top = Class.forName("org.apache.kafka.common.message." + name + "Data");
            try (InputStream in = top.getResourceAsStream("/common/message/" + name + ".json")) {
                this.schema = JSON.readTree(in);
            }
            for (JsonNode common : schema.path("commonStructs")) {
                commonStructs.put(common.get("name").asText(), common.get("fields"));
            }
        }

        ApiMessage message() throws Exception {
            return (ApiMessage) struct(top, schema.get("fields"), name);
        }

        private Object struct(Class<?> type, JsonNode fields, String path) throws Exception {
            Object object = type.getDeclaredConstructor().newInstance();
            for (JsonNode field : fields) {
                String fieldName = field.get("name").asText();
                // Only between controllers.
                boolean skipped = path.startsWith("FetchResponse") && fieldName.equals("SnapshotId");
                boolean tagged = field.has("tag");
                if (skipped || !in(field.get("versions").asText()) || tagged && which != Case.FULL) continue;
                Method setter = setter(type, fieldName);
                setter.invoke(object, value(field, setter.getParameterTypes()[0], path + "." + fieldName));
            }
            return object;
        }

        private Object value(JsonNode field, Class<?> javaType, String path) throws Exception {
            String type = field.get("type").asText();
            boolean nullable = field.has("nullableVersions") && in(field.get("nullableVersions").asText());
            // Records are the exception: Kafka answers a fetch with none, not with null.
            if (field.get("type").asText().equals("records") && which != Case.FULL) return MemoryRecords.EMPTY;
            if (nullable && which != Case.FULL) return null;
            if (!type.startsWith("[]")) return single(field, type, path);
            Collection<Object> items = collection(javaType);
            for (int i = 0; which != Case.EMPTY && i < 2; i++) {
                items.add(single(field, type.substring(2), path + i));
            }
            return items;
        }

        private Object single(JsonNode field, String type, String path) throws Exception {
            CRC32 crc = new CRC32();
            crc.update(path.getBytes(StandardCharsets.UTF_8));
            long hash = crc.getValue();
            String last = path.substring(path.lastIndexOf('.') + 1);
            switch (type) {
                case "bool": return true;
                case "int8": return (byte) (1 + hash % 100);
                case "int16": return last.equals("ErrorCode") ? ERRORS[(int) (hash % ERRORS.length)]
                    : (short) (1 + hash % 30000);
                case "uint16": return (int) (1 + hash % 60000);
                case "int32": return (int) hash | 1;
                case "int64": return hash << 16 | 1;
                case "float64": return hash / 8.0;
                case "string": return last + "-" + Long.toHexString(hash);
                case "uuid": return new Uuid(hash << 32 | 7, hash | 9);
                case "bytes": return field.path("zeroCopy").asBoolean() ? ByteBuffer.wrap(bytes(hash)) : bytes(hash);
                case "records": return MemoryRecords.readableRecords(ByteBuffer.wrap(bytes(hash)));
                default:
                    JsonNode fields = field.has("fields") ? field.get("fields") : commonStructs.get(type);
                    return struct(Class.forName(top.getName() + "$" + type), fields, path);
            }
        }

        /** 150 bytes or more, so that compact lengths take two bytes. */
        private static byte[] bytes(long hash) {
            byte[] bytes = new byte[150 + (int) (hash % 20)];
            for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) (hash >> i % 4 * 8);
            return bytes;
        }

        @SuppressWarnings("unchecked")
        private static Collection<Object> collection(Class<?> type) throws Exception {
            if (type == List.class) return new ArrayList<>();
            return (Collection<Object>) type.getDeclaredConstructor().newInstance();
        }

        private static Method setter(Class<?> type, String field) throws NoSuchMethodException {
            String name = "set" + Character.toUpperCase(field.charAt(0)) + field.substring(1);
            for (Method method : type.getMethods()) {
                if (method.getName().equals(name)) return method;
            }
            throw new NoSuchMethodException(type + "." + name);
        }

        /** Whether the version lies in a range as schemas write it: "3", "3-5", "3+". */
        private boolean in(String range) {
            String[] ends = range.replace("+", "-32767").split("-");
            int first = Integer.parseInt(ends[0]);
            return first <= version && version <= Integer.parseInt(ends[ends.length - 1]);
        }
    }
}
