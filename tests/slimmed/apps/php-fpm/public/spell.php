<?php echo (new NumberFormatter($_GET["locale"] ?? "de_DE", NumberFormatter::SPELLOUT))->format(42);
