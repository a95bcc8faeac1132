<?php echo json_encode(["ok" => true, "name" => mb_strtoupper($_GET["name"] ?? "ada")]);
