import java.io.BufferedWriter;
import java.io.File;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.file.DataFileReader;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.GenericRecord;

/** Journal.java SEGMENT... - prints every entry of journal segments as one line, by Apache's own library. See journal_test.go for the form. */
public class Journal {
    static final HexFormat HEX = HexFormat.of();

    public static void main(String[] paths) throws Exception {
        PrintWriter out = new PrintWriter(new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8), 1 << 16));
        for (String path : paths) {
            try (DataFileReader<GenericRecord> segment = new DataFileReader<>(new File(path), new GenericDatumReader<>())) {
                for (GenericRecord entry : segment) {
                    out.print(entry.get("offset") + "\t" + line((GenericRecord) entry.get("message")) + "\n");
                }
            }
        }
        out.flush();
    }

    static String line(GenericRecord m) {
        String kind = m.getSchema().getName();
        String head = kind + "\t" + m.get("epoch") + "\t" + HEX.formatHex(((GenericFixed) m.get("writer")).bytes()) + "\t";
        switch (kind) {
            case "Gap":
                return head + text(m.get("reason")) + "\t" + fields(m, "next_offset", "ts_us", "cause");
            case "Open":
                return head + fields(m, "stream", "table", "ts_us");
            case "Begin":
                List<String> options = new ArrayList<>();
                for (Object o : (List<?>) m.get("options")) {
                    options.add(((GenericRecord) o).get("name") + "=" + ((GenericRecord) o).get("value"));
                }
                return head + fields(m, "stream", "snapshot", "previous") + "\t" + text(m.get("schema")) + "\t" + text(m.get("ddl")) + "\t"
                        + text(m.get("engine")) + "\t" + String.join(",", options) + "\t" + fields(m, "partitions", "partitioner");
            case "Commit":
                return head + fields(m, "snapshot", "seq", "read_began", "read_ended") + "\t" + fields((GenericRecord) m.get("event_count"), "r", "c", "u", "d")
                        + "\t" + fields((GenericRecord) m.get("share"), "r", "c", "u", "d") + "\t" + fields((GenericRecord) m.get("digest"), "rows", "m", "f");
            default:
                return head + fields(m, "snapshot", "seq", "op") + "\t" + bytes(m.get("key")) + "\t" + image(m.get("before")) + "\t" + image(m.get("after"));
        }
    }

    static String fields(GenericRecord r, String... names) {
        List<String> values = new ArrayList<>();
        for (String name : names) {
            values.add(r.get(name) == null ? "~" : r.get(name).toString());
        }
        return String.join("\t", values);
    }

    static String image(Object row) {
        if (row == null) {
            return "~";
        }
        GenericRecord r = (GenericRecord) row;
        List<String> values = new ArrayList<>();
        for (Schema.Field f : r.getSchema().getFields()) {
            values.add(f.name() + "=" + value(r.get(f.pos()), f.schema().getTypes().get(1)));
        }
        return "{" + String.join(",", values) + "}";
    }

    static String value(Object v, Schema s) {
        if (v == null) {
            return "~";
        }
        switch (s.getType()) {
            case BOOLEAN:
                return (Boolean) v ? "t" : "f";
            case FLOAT:
                return String.format("%08x", Float.floatToIntBits((Float) v));
            case DOUBLE:
                return String.format("%016x", Double.doubleToLongBits((Double) v));
            case STRING:
                return text(v);
            case BYTES:
                return "decimal".equals(s.getProp("logicalType")) ? new BigInteger(raw(v)).toString() : bytes(v);
            default:
                return v.toString();
        }
    }

    static String text(Object v) {
        return HEX.formatHex(v.toString().getBytes(StandardCharsets.UTF_8));
    }

    static String bytes(Object v) {
        return HEX.formatHex(raw(v));
    }

    static byte[] raw(Object v) {
        ByteBuffer b = ((ByteBuffer) v).duplicate();
        byte[] raw = new byte[b.remaining()];
        b.get(raw);
        return raw;
    }
}
